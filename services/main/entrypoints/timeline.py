"""What happened to a request."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.main.domain.timeline import Timeline
from services.main.entrypoints.description import refusals
from services.main.entrypoints.guards import PartsOfApp, SignedIn
from services.main.entrypoints.shapes import Given, Id
from services.main.use_cases.timeline import show_timeline
from services.tracing import Step

router = APIRouter(tags=["requests"])


class EventShape(Given):
    name: str = Field(description="The step, numbered as in the lecture", examples=["2 hand over"])
    job: UUID | None = Field(description="The deferred job; null for the request as a whole")
    attempt: int = Field(description="The attempt that succeeded")
    began_at: datetime
    ended_at: datetime
    after: float = Field(description="Seconds since the first step began")
    seconds: float = Field(description="Seconds that the step took")


class TimelineShape(Given):
    request_id: int
    trace_id: str = Field(description="Of the trace (W3C Trace Context); empty where there is none")
    steps: list[EventShape]

    @classmethod
    def of(cls, timeline: Timeline) -> "TimelineShape":
        return cls(
            request_id=timeline.request_id,
            trace_id=timeline.trace_id,
            steps=[
                EventShape(
                    name=Step(event.step).title,
                    job=event.job,
                    attempt=event.attempt,
                    began_at=event.began_at,
                    ended_at=event.ended_at,
                    after=round(timeline.offset(event), 6),
                    seconds=round(event.seconds, 6),
                )
                for event in timeline.events
            ],
        )


@router.get("/requests/{request_id}/timeline", responses=refusals(401, 404))
async def get_timeline(parts: PartsOfApp, user: SignedIn, request_id: Id) -> TimelineShape:
    """What happened to a request, step by step, by the database's clock. For its creator and for moderators."""
    return TimelineShape.of(await show_timeline(parts.work, user, request_id))
