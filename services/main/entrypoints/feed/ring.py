"""Tells the hub of changes that this process made itself, so that they need not wait for the next look."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.main.entrypoints.guards import SAFE_METHODS
from services.main.hub import Hub


class Ring:
    def __init__(self, app: ASGIApp, hub: Hub) -> None:
        self._app = app
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                self._hub.ring()
            await send(message)

        unsafe = scope["type"] == "http" and scope["method"] not in SAFE_METHODS
        await self._app(scope, receive, answer if unsafe else send)
