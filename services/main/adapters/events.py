"""The log of events as the publisher sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.broker import Event


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """A claimed row. ordered_by: the key within which order is kept."""

    id: int
    event_id: UUID
    topic: str
    type: str
    version: int
    ordered_by: str
    payload: Mapping[str, Any]
    correlation_id: str
    occurred_at: datetime
    attempt: int
    late: float

    @property
    def key(self) -> str:
        """Its name in the logs."""
        return str(self.event_id)

    @property
    def event(self) -> Event:
        return Event(
            id=self.event_id,
            type=self.type,
            version=self.version,
            key=self.ordered_by,
            occurred_at=self.occurred_at,
            correlation_id=self.correlation_id,
            payload=self.payload,
        )
