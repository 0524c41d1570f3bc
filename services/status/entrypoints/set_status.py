"""The hand-over of a job."""

import logging
from time import monotonic
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from services.journal import correlation_id
from services.problem import Problem
from services.status.domain.job import AnotherJob, Arrival, Order
from services.status.use_cases.accept import accept
from services.status.wiring import Parts
from services.tracing import Step, TraceContext
from services.tracing.context import HEADER
from services.transport import read_json, request_body

logger = logging.getLogger(__name__)

Id = Annotated[int, Field(ge=1, le=2**63 - 1)]


class SetStatus(BaseModel):
    """The job. pk: the stock. job: its id; a new one is made where none is given. request: whose result it is."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    pk: Id
    job: UUID | None = None
    request: Id | None = None


class Accepted(BaseModel):
    job: UUID


async def parts_of(request: Request) -> Parts:
    parts = request.app.state.parts
    assert isinstance(parts, Parts)
    return parts


PartsOfApp = Annotated[Parts, Depends(parts_of)]


async def token(request: Request, parts: PartsOfApp) -> None:
    parts.set_status_token.check(request)


# As a dependency the token is looked at before anything else of the call.
router = APIRouter(dependencies=[Depends(token)])


@router.post("/set-status/", status_code=202, openapi_extra=request_body(SetStatus))
async def set_status(request: Request, parts: PartsOfApp) -> Accepted:
    """Take a job. 202: it is on disk; sending it again changes nothing. 409: its id belongs to another job.

    429: too many wait; nothing was kept, send it again after Retry-After.
    """
    began = monotonic()
    body = await read_json(request, SetStatus)
    order = Order(body.job or uuid4(), body.pk, body.request)
    trace = TraceContext.parse(request.headers.get(HEADER))
    with parts.admission.entered():
        arrival = Arrival(correlation_id(), trace.traceparent if trace else "", monotonic() - began)
        try:
            new = await accept(parts.jobs, order, arrival)
        except AnotherJob as error:
            raise Problem(409, "another-job", str(error)) from None
    if new:
        parts.tracing.record(
            Step.ACCEPTED, str(order.job), trace, took=monotonic() - began, request_id=correlation_id()
        )
        parts.relay.wake(parts.defer)
    logger.info("job accepted", extra={"job": str(order.job), "new": new})
    return Accepted(job=order.job)
