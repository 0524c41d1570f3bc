"""The main service as an ASGI application.

The unit runs `python -m services.main`; `uvicorn services.main.app:create_app --factory` serves the same application.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from services import journal, problem
from services.main.entrypoints import (
    callback,
    chat,
    description,
    feed,
    health,
    pages,
    refusals,
    requests,
    sessions,
    statistics,
    stocks,
    timeline,
)
from services.main.entrypoints.feed.ring import Ring
from services.main.entrypoints.pages import refusals as page_refusals
from services.main.entrypoints.security_headers import SecurityHeaders
from services.main.settings import MainSettings
from services.main.wiring import Parts, opened, wire
from services.postgres import UNAVAILABLE
from services.settings import load
from services.transport import BodyLimit, Envelope, Head

# Bytes of a body: a draft of as many stocks as it can hold, or a description at its longest. In a form, a character of
# four bytes takes twelve.
MOST_OF_BODY = 32 * 1024


def create_app() -> FastAPI:
    """The application with the settings of this process, and its logs as JSON lines."""
    settings = load(MainSettings.read)
    journal.configure("main", settings.environment)
    return build(wire(settings))


def build(parts: Parts) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with opened(parts):
            yield

    app = FastAPI(
        title="Sallyport",
        summary="Stocks, requests about them, and their deferred results",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.parts = parts
    problem.install(app, UNAVAILABLE)
    refusals.install(app)
    page_refusals.install(app)
    # The callback first: it is called most, and each router in front of it costs a look.
    for module in (callback, stocks, sessions, requests, timeline, statistics, feed, chat, health, pages):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=str(files("services.main") / "static")), name="static")
    description.install(app)
    # The last one added is the outermost.
    app.add_middleware(Ring, hub=parts.hub)
    app.add_middleware(BodyLimit, most=MOST_OF_BODY)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Head)
    app.add_middleware(Envelope)
    return app
