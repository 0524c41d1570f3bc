"""The outermost layer around each request: its id, its line in the log, and the last resort when all else failed."""

import logging
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services import metrics
from services.journal import new_correlation_id, use_correlation_id
from services.journal.correlation import HEADER
from services.problem import Problem

logger = logging.getLogger("services.request")


class Envelope:
    """Takes X-Request-ID in or makes one, gives it back, logs one line, and answers 500 without telling why."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        status = 0
        found = new_correlation_id(Headers(scope=scope).get(HEADER))

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = found
            await send(message)

        with use_correlation_id(found):
            try:
                await self._app(scope, receive, answer)
            except Exception:
                logger.exception("unexpected error")
                if not status:
                    await Problem(500, detail="The error is in the log, under this request id.").response()(
                        scope, receive, answer
                    )
            finally:
                # The route's pattern, not the path as sent: a path may hold a token, and must not flood an index.
                route = getattr(scope.get("route"), "path", None)
                seconds = perf_counter() - started
                metrics.observe_request(scope["method"], route, status, seconds)
                elapsed = round(seconds * 1000, 1)
                fields = {"method": scope["method"], "route": route, "status": status, "elapsed_ms": elapsed}
                health = route is not None and route.startswith("/health/")
                logger.log(logging.DEBUG if health else logging.INFO, "request", extra=fields)
