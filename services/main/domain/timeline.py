"""What happened to a request, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Event:
    """One step that was taken.

    job: None for what concerns the request as a whole. trace_id: with the first step only.
    """

    step: int
    job: UUID | None
    attempt: int
    began_at: datetime
    ended_at: datetime
    trace_id: str

    @property
    def seconds(self) -> float:
        return (self.ended_at - self.began_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that happened to a request, in the order in which it began. trace_id: empty for one from before traces."""

    request_id: int
    events: Sequence[Event]

    @property
    def trace_id(self) -> str:
        return next((event.trace_id for event in self.events if event.trace_id), "")

    def offset(self, event: Event) -> float:
        """Seconds from the beginning of the first step to the beginning of this one."""
        return (event.began_at - self.events[0].began_at).total_seconds()
