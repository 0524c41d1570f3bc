"""The hand-over of a job, whichever way it came."""

import logging
from collections.abc import Mapping
from time import monotonic
from typing import Annotated, Any
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.journal import correlation_id
from services.problem import Problem
from services.problem.handlers import invalid_fields
from services.status.domain.job import AnotherJob, Arrival, Order
from services.status.use_cases.accept import accept
from services.status.wiring import Parts
from services.tracing import Step, TraceContext

logger = logging.getLogger(__name__)

Id = Annotated[int, Field(ge=1, le=2**63 - 1)]


class SetStatus(BaseModel):
    """The job. pk: the stock. job: its id; a new one is made where none is given. request: whose result it is."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    pk: Id
    # Not strict: outside of JSON, too, an id comes as text.
    job: Annotated[UUID, Field(strict=False)] | None = None
    request: Id | None = None

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "SetStatus":
        """Raises a 422 problem that names each wrong field."""
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            raise invalid_fields(
                dict(fault) for fault in error.errors(include_input=False, include_url=False, include_context=False)
            ) from None


async def take(parts: Parts, asked: SetStatus, traceparent: str | None, began: float) -> UUID:
    """Take a job whose call began at `began` on the monotonic clock; its id, once it is on disk.

    Cancelled before that, it leaves nothing. Raises a problem: 409 where the id belongs to another job, 429 where too
    many wait.
    """
    order = Order(asked.job or uuid4(), asked.pk, asked.request)
    trace = TraceContext.parse(traceparent)
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
    return order.job
