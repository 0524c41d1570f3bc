"""Which status and kind of problem each refusal of the domain is."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from services.main.domain import errors
from services.problem import Problem

KINDS: dict[type[Exception], tuple[int, str]] = {
    errors.NotFound: (404, "not-found"),
    errors.SignInRefused: (401, "sign-in-refused"),
    errors.CreatorsOnly: (403, "creators-only"),
    errors.WrongState: (409, "wrong-state"),
    errors.EmptyDraft: (409, "empty-draft"),
    errors.QuantityBound: (409, "quantity-bound"),
    errors.Replayed: (409, "replayed"),
    errors.NoWaitingJob: (409, "no-waiting-job"),
}


def install(app: FastAPI) -> None:
    for kind in KINDS:
        app.add_exception_handler(kind, _refuse)


async def _refuse(_: Request, error: Exception) -> Response:
    status, kind = KINDS[type(error)]
    headers = {"WWW-Authenticate": "Cookie"} if status == 401 else None
    return Problem(status, kind, str(error), headers=headers).response()
