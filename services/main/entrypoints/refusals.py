"""Which status and kind of problem each refusal of the domain is."""

from math import ceil

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from services.main.domain import errors
from services.problem import Problem
from services.problem.handlers import invalid_fields

KINDS: dict[type[Exception], tuple[int, str]] = {
    errors.NotFound: (404, "not-found"),
    errors.SignInRefused: (401, "sign-in-refused"),
    errors.TooManyAttempts: (429, "too-many-attempts"),
    errors.NameTaken: (409, "name-taken"),
    errors.CreatorsOnly: (403, "creators-only"),
    errors.ModeratorsOnly: (403, "moderators-only"),
    errors.Changed: (412, "changed"),
    errors.CompanyTaken: (409, "company-taken"),
    errors.WrongState: (409, "wrong-state"),
    errors.EmptyDraft: (409, "empty-draft"),
    errors.StockGone: (409, "stock-gone"),
    errors.ResultsMissing: (409, "results-missing"),
    errors.QuantityBound: (409, "quantity-bound"),
    errors.RequestFull: (409, "request-full"),
    errors.CallInProgress: (409, "call-in-progress"),
    errors.KeyReused: (422, "key-reused"),
    errors.Replayed: (409, "replayed"),
    errors.NoWaitingJob: (409, "no-waiting-job"),
}


def install(app: FastAPI) -> None:
    for kind in KINDS:
        app.add_exception_handler(kind, _refuse)
    app.add_exception_handler(errors.InvalidField, _invalid_field)


async def _refuse(_: Request, error: Exception) -> Response:
    status, kind = KINDS[type(error)]
    headers = {"WWW-Authenticate": "Cookie"} if status == 401 else {}
    if isinstance(error, errors.TooManyAttempts):
        headers["Retry-After"] = str(ceil(error.wait))
    return Problem(status, kind, str(error), headers=headers).response()


async def _invalid_field(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.InvalidField)
    return invalid_fields([{"loc": error.at, "msg": str(error)}]).response()
