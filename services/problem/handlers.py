"""Turns what goes wrong inside an application into problem details."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from services.problem.problem import Problem


def install(app: FastAPI, not_now: tuple[type[Exception], ...] = ()) -> None:
    """Answer every error of `app` with problem details; those in `not_now` with 503."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _validation)
    for kind in not_now:
        app.add_exception_handler(kind, _unavailable)
    app.router.default = _nowhere(app.router.default)


def _nowhere(otherwise: ASGIApp) -> ASGIApp:
    """Refuse a WebSocket that leads nowhere as a request is refused that does."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(Problem(HTTPStatus.NOT_FOUND).response())
        else:
            await otherwise(scope, receive, send)

    return answer


def invalid_fields(errors: Iterable[Mapping[str, object]]) -> Problem:
    """422, naming each wrong field. What was sent is not repeated: it may be a password."""
    listed = [{"at": _location(error["loc"]), "message": error["msg"]} for error in errors]
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-fields", members={"errors": listed})


def _location(parts: object) -> str:
    return ".".join(str(part) for part in parts) if isinstance(parts, tuple) else str(parts)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return Problem(error.status_code, headers=headers).response()


def _methods(request: Request) -> set[str]:
    """All that this path takes (RFC 9110, section 15.5.6): a router only knows what its first route there takes."""
    found: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.methods and route.path_regex.match(request.url.path):
            found |= route.methods
    return found


async def _validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return invalid_fields(error.errors()).response()


def unavailable() -> Problem:
    """503: what is behind us does not answer just now."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable", "Try again shortly.", headers={"Retry-After": "2"}
    )


async def _unavailable(_: Request, __: Exception) -> Response:
    return unavailable().response()
