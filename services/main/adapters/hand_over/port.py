"""What a way does for the relay."""

from typing import Protocol

from services.main.adapters.outbox import OutboxMessage
from services.retry import Outcome


class HandOver(Protocol):
    async def send(self, message: OutboxMessage, traceparent: str) -> Outcome:
        """Send once. An error on the way is an outcome, not an exception."""

    async def abandon(self) -> None:
        """Cut short, now, whatever is under way, which makes it unreachable; take no more."""
