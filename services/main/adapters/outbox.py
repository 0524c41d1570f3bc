"""The main service's outbox as the relay sees it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """payload: the body of the call to the async service."""

    id: int
    topic: str
    payload: dict[str, Any]
    correlation_id: str
    traceparent: str
    attempt: int
    late: float

    @property
    def key(self) -> str:
        return str(self.payload["job"])
