"""The async service: jobs come in by the chosen way, and beside that runs the loop that reports results."""

import asyncio

from fastapi import FastAPI

from services import problem
from services.broker import open_broker
from services.hand_over import Way
from services.postgres import UNAVAILABLE
from services.rpc import serve as serve_grpc
from services.status.entrypoints import events, health, other_way, rpc, set_status
from services.status.settings import StatusSettings
from services.status.wiring import Parts, wired
from services.transport import BodyLimit, Envelope, serve


def build(parts: Parts, *, takes_jobs: bool = True) -> FastAPI:
    """takes_jobs: whether jobs come over HTTP; health is there in any case."""
    app = FastAPI(title="Sallyport status", version="1", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.parts = parts
    problem.install(app, UNAVAILABLE)
    app.include_router(set_status.router if takes_jobs else other_way.router)
    app.include_router(health.router)
    app.add_middleware(BodyLimit)
    app.add_middleware(Envelope)
    return app


async def run(settings: StatusSettings) -> None:
    """Serve and report until told to stop: first no more jobs are taken, then claims are reported or given back.

    Neither half lives without the other: should the loop fail, the process ends, and systemd starts it anew.
    """
    async with wired(settings) as parts, asyncio.TaskGroup() as tasks:
        tasks.create_task(parts.relay.run())
        await _take_jobs(settings, parts)
        parts.relay.stop()


async def _take_jobs(settings: StatusSettings, parts: Parts) -> None:
    match settings.way:
        case Way.HTTP:
            await serve(build(parts), settings.listener)
        case Way.GRPC:
            offer = rpc.offer(parts, settings.callers, reflection=settings.reflection)
            await serve_grpc(offer, settings.listener, settings.ca, parts.watching.stop)
        case Way.BROKER:
            assert settings.broker
            broker = open_broker(settings.broker)
            consumer = events.consumer(parts, broker)

            def stop() -> None:
                consumer.stop()
                # Claims are given back now: leaving a broker that is frozen takes longer than a stop may.
                parts.relay.stop()

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(consumer.run())
                await serve(build(parts, takes_jobs=False), settings.listener, stop)
            await broker.close()
