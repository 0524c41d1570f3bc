"""What the use cases need of the world. The adapters provide it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.gateway.domain.message import Consignment, Content, DeadLetter, Message
from services.gateway.domain.sending import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it is to be kept. fingerprint: of the draft that it comes from."""

    id: UUID
    key: str
    fingerprint: bytes
    content: Content
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Kept:
    """The message that is kept under a key. new: it is the one that has just arrived."""

    id: UUID
    fingerprint: bytes
    new: bool


class Messages(Protocol):
    """The messages, for those who bring them and those who look after them."""

    async def add(self, arrival: Arrival) -> Kept:
        """Keep a message durably, unless there is one of its key; the one that is there afterwards."""

    async def find(self, message: UUID) -> Message | None: ...

    async def letters(self, most: int, before: int | None) -> Sequence[DeadLetter]:
        """Messages that wait for a person, the youngest first, from before a place on."""

    async def redrive(self, message: UUID) -> bool:
        """Send it again. False when it does not wait for a person."""

    async def dismiss(self, message: UUID) -> bool:
        """Never send it again. False when it does not wait for a person."""


class Attempts(Protocol):
    """The messages, for the sender."""

    async def begin(self, message: UUID, number: int) -> Consignment | None:
        """Begin attempt `number`, durably. None when it began before, or the message is settled."""

    async def end(self, consignment: Consignment, outcome: Outcome, verdict: Verdict) -> None:
        """Write down what came of the attempt; nothing when it was written before."""

    async def abandoned(self) -> Sequence[Consignment]:
        """Attempts whose sender is gone."""


class Provider(Protocol):
    """Who carries the messages of a channel."""

    async def send(self, consignment: Consignment) -> Outcome:
        """Send once; whatever happens is an outcome."""
