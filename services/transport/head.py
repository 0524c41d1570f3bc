"""HEAD, wherever there is GET."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _Enough(Exception):
    """What would follow is not wanted."""


class Head:
    """Has HEAD answered as GET is, without the content (RFC 9110, section 9.3.2). A stream ends before it begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def allowing(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 405:
                headers = MutableHeaders(scope=message)
                if "GET" in (allowed := headers["Allow"].split(", ")):
                    headers["Allow"] = ", ".join(sorted({*allowed, "HEAD"}))
            await send(message)

        if scope["method"] != "HEAD":
            await self._app(scope, receive, allowing)
            return
        # A copy: by its own the server knows that no content is sent.
        inner = {**scope, "method": "GET"}

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                await allowing(message)
                await send({"type": "http.response.body"})
                # What has no length may go on for long, and a proxy gives the connection to the next request already.
                if "content-length" not in Headers(raw=message["headers"]):
                    raise _Enough

        try:
            await self._app(inner, receive, answer)
        except _Enough:
            pass
        finally:
            # The log and the metrics outside of this name the route.
            if "route" in inner:
                scope["route"] = inner["route"]
