"""The queue API as an ASGI application."""

from fastapi import FastAPI

from services import problem
from services.gateway.entrypoints import health, messages, refusals
from services.gateway.settings import QueueSettings
from services.gateway.wiring import Parts, queue
from services.postgres import UNAVAILABLE
from services.transport import BodyLimit, Envelope, serve

# Bytes of a body: a text at its longest, in characters that JSON escapes.
MOST_OF_BODY = 128 * 1024


def build(parts: Parts) -> FastAPI:
    app = FastAPI(title="Sallyport gateway", version="1", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.parts = parts
    problem.install(app, UNAVAILABLE)
    refusals.install(app)
    app.include_router(messages.router)
    app.include_router(health.router)
    app.add_middleware(BodyLimit, most=MOST_OF_BODY)
    app.add_middleware(Envelope)
    return app


async def run(settings: QueueSettings) -> None:
    """Serve until told to stop."""
    async with queue(settings) as parts:
        await serve(build(parts), settings.listener)
