"""What a broker is to us. Each kind has an adapter that keeps this contract; the guarantee suite holds all to it."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from services.broker.event import Event


class Unavailable(Exception):
    """Not now: no connection, no confirm, or nobody there yet to keep it. Trying again later may help."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it came.

    body: its bytes. mark: the adapter's own name for it. earlier: how often it was handed to a process that died
    before it settled it, as far as the broker counts that.
    """

    body: bytes
    mark: object
    earlier: int = 0


@dataclass(frozen=True, slots=True)
class Backlog:
    """waiting: messages that this group has not settled, those in its hands included. dead: its dead letters.

    Of Kafka, as far as this process's partitions go.
    """

    waiting: int
    dead: int


class Subscription(Protocol):
    """One group's place in a topic, held by one process at a time for each key. Every method raises Unavailable."""

    async def receive(self, most: int) -> Sequence[Delivery]:
        """The next messages, at most so many; an empty answer after about a second in which none came."""

    async def done(self, delivery: Delivery) -> None:
        """It need never come again."""

    async def bury(self, delivery: Delivery, reason: str) -> None:
        """Make it a dead letter of this group, durably, and only then be done with it."""

    async def backlog(self) -> Backlog:
        """How much there is to do, for the metrics."""


class Listening(Protocol):
    """One process's ear for announcements."""

    async def receive(self) -> bytes | None:
        """The next announcement; None when none came within about a second at most. Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: its bytes, why it could not be handled, and the adapter's own name for it."""

    body: bytes
    reason: str
    mark: object


class Letters(Protocol):
    """A group's dead letters, oldest first. Whatever is not forgotten stays."""

    @property
    def all(self) -> Sequence[Letter]: ...

    async def forget(self, letter: Letter) -> None:
        """It was seen to: it need not be kept. Raises Unavailable."""


class Broker(Protocol):
    """A connection to a broker, opened when it is first needed and anew when it was lost."""

    async def publish(self, topic: str, event: Event) -> None:
        """Return once the broker keeps the event on disk for every group of the topic. Raises Unavailable.

        After Unavailable the event may be there all the same: what is published again is a duplicate, and consumers
        know it by its id.
        """

    def subscribe(self, topic: str, group: str) -> AbstractAsyncContextManager[Subscription]:
        """A group takes from a topic whatever was published since the group was named in the topology.

        Leaving gives back at once what was received and not settled.
        """

    def letters(self, topic: str, group: str) -> AbstractAsyncContextManager[Letters]:
        """Look through the dead letters of a group. One looks at a time. Raises Unavailable."""

    async def announce(self, topic: str, body: bytes) -> None:
        """Tell every process that listens now. Nothing is kept: a hint to look, never the news itself."""

    def listen(self, topic: str) -> AbstractAsyncContextManager[Listening]:
        """Hear what is announced from now on."""

    async def close(self) -> None:
        """Let go of the connection."""
