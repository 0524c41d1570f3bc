"""A job as an event of the broker."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.broker import Event

TOPIC = "jobs"
GROUP = "status"
TYPE = "set-status"
VERSION = 1


class NotAJob(Exception):
    """An event that is of another kind, or of a version that we do not know."""


def event_of(payload: Mapping[str, Any], correlation_id: str, traceparent: str) -> Event:
    """The event of a job. Its key is the job: one job's failure holds up no other. Raises ValueError without a job."""
    job = UUID(str(payload.get("job")))
    content = {"order": dict(payload), "traceparent": traceparent}
    return Event(job, TYPE, VERSION, str(job), datetime.now(UTC), correlation_id, content)


def carried(event: Event) -> tuple[Mapping[str, Any], str]:
    """The fields of the order, not looked at yet, and the traceparent. Raises NotAJob."""
    if (event.type, event.version) != (TYPE, VERSION):
        raise NotAJob(f"an event {event.type[:40]} of version {event.version}, not {TYPE} of version {VERSION}")
    order, traceparent = event.payload.get("order"), event.payload.get("traceparent")
    if not isinstance(order, dict) or not isinstance(traceparent, str):
        raise NotAJob("an event without order or traceparent")
    return order, traceparent
