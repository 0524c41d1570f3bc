"""Which status and kind of problem each refusal of the domain is."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.domain import errors
from services.problem import Problem
from services.problem.handlers import invalid_fields

KINDS: dict[type[Exception], tuple[int, str | None]] = {
    errors.NotFound: (404, "no-such-message"),
    errors.NotWaitingForPerson: (409, "waits-for-nobody"),
    errors.KeyReused: (422, "key-reused"),
}


def install(app: FastAPI) -> None:
    for kind in KINDS:
        app.add_exception_handler(kind, _refuse)
    app.add_exception_handler(errors.InvalidMessage, _invalid_message)


async def _refuse(_: Request, error: Exception) -> Response:
    status, kind = KINDS[type(error)]
    return Problem(status, kind, str(error)).response()


async def _invalid_message(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.InvalidMessage)
    return invalid_fields([{"loc": error.at, "msg": str(error)}]).response()
