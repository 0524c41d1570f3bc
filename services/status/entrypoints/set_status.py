"""The hand-over of a job over HTTP."""

from time import monotonic
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request

from services.status.entrypoints.taking import SetStatus, take
from services.status.wiring import Parts
from services.tracing.context import HEADER
from services.transport import read_json, request_body


class Accepted(BaseModel):
    job: UUID


async def parts_of(request: Request) -> Parts:
    parts = request.app.state.parts
    assert isinstance(parts, Parts)
    return parts


PartsOfApp = Annotated[Parts, Depends(parts_of)]


async def token(request: Request, parts: PartsOfApp) -> None:
    assert parts.set_status_token is not None
    parts.set_status_token.check(request)


# As a dependency the token is looked at before anything else of the call.
router = APIRouter(dependencies=[Depends(token)])


@router.post("/set-status/", status_code=202, openapi_extra=request_body(SetStatus))
async def set_status(request: Request, parts: PartsOfApp) -> Accepted:
    """Take a job. 202: it is on disk; sending it again changes nothing. 409: its id belongs to another job.

    429: too many wait; nothing was kept, send it again after Retry-After.
    """
    began = monotonic()
    asked = await read_json(request, SetStatus)
    return Accepted(job=await take(parts, asked, request.headers.get(HEADER), began))
