"""Refusals of pages are pages. They say what the API's problem details say (RFC 9457), in the visitor's language."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.journal import correlation_id
from services.main.domain.user import User
from services.main.entrypoints.guards import parts_of, visitor
from services.main.entrypoints.pages.frame import Frame, draw, language_of, page, to_login
from services.main.entrypoints.pages.wording import TITLES, refusal
from services.main.entrypoints.refusals import KINDS

# What a use case refuses with, and a page can tell in place.
REFUSED = tuple(KINDS)


def status_of(error: Exception) -> int:
    """The status of one of REFUSED."""
    return KINDS[type(error)][0]


def install(app: FastAPI) -> None:
    """Give the handlers that `app` has for errors another form where a page was asked for."""
    for kind, handler in list(app.exception_handlers.items()):
        app.add_exception_handler(kind, _as_page(handler))
    app.add_middleware(LastResort)


def _as_page(handler: Callable[[Any, Any], Any]) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        problem: Response = await handler(request, error)
        if not _is_page(request.scope):
            return problem
        if problem.status_code == 401:
            return to_login(request.url.path if request.method == "GET" else "/")
        told = json.loads(bytes(problem.body))
        headers = {name: value for name, value in problem.headers.items() if name in {"retry-after", "allow"}}
        return await _page(request, error, problem.status_code, headers, told.get("request_id", ""))

    return handle


async def _page(request: Request, error: Exception, status: int, headers: dict[str, str], request_id: str) -> Response:
    parts = await parts_of(request)
    language = await language_of(request)
    values = {
        "title": TITLES.get(status, TITLES[500]),
        "text": refusal(language, error, status),
        "request_id": request_id,
        "known": status < 500,
    }
    if status < 500:
        user: User | None = await visitor(request, parts)
        response = await page(Frame(request, parts, user, language), "refusal.html", status, **values)
    else:
        # Nothing here may need what has just failed.
        frame = Frame(request, parts, None, language)
        response = draw(frame, "refusal.html", status, notice=None, draft_id=None, **values)
    response.headers.update(headers)
    return response


def _is_page(scope: Scope) -> bool:
    path: str = scope["path"]
    return path == "/" or path.startswith("/pages/")


class LastResort:
    """Answers with a page when all else failed, and lets the error go on to whoever logs it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_page(scope):
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if not started:
                response = await _page(Request(scope), error, 500, {}, correlation_id())
                await response(scope, receive, send)
            raise
