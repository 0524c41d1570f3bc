"""The async service as an ASGI application, and beside it the loop that reports results."""

import asyncio

from fastapi import FastAPI

from services import problem
from services.postgres import UNAVAILABLE
from services.status.entrypoints import health, set_status
from services.status.settings import StatusSettings
from services.status.wiring import Parts, wired
from services.transport import BodyLimit, Envelope, serve


def build(parts: Parts) -> FastAPI:
    app = FastAPI(title="Sallyport status", version="1", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.parts = parts
    problem.install(app, UNAVAILABLE)
    app.include_router(set_status.router)
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
        await serve(build(parts), settings.listener)
        parts.relay.stop()
