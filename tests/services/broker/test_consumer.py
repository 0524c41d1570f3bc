"""The consumer's own order, with a broker of which each step is told: what no real one does at a chosen moment."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from services.broker import Consumer, Event
from services.broker.port import Backlog, Delivery, Letters, Listening, Subscription, Unavailable
from services.retry import Backoff
from tests.services.broker.samples import events

FIRST, SECOND, THIRD = events(3, keys=1)


class Losing:
    """A broker that is lost when the first event is settled, and whose next answer was on its way already."""

    def __init__(self) -> None:
        self.subscriptions = 0
        self.lost = asyncio.Event()

    @asynccontextmanager
    async def subscribe(self, topic: str, group: str) -> AsyncIterator[Subscription]:  # noqa: ARG002 - the port's
        self.subscriptions += 1
        first = self.subscriptions == 1
        yield _Once(self, [[FIRST, SECOND], [THIRD]] if first else [[FIRST, SECOND, THIRD]])

    async def publish(self, topic: str, event: Event) -> None:
        raise NotImplementedError

    async def announce(self, topic: str, body: bytes) -> None:
        raise NotImplementedError

    def letters(self, topic: str, group: str) -> AbstractAsyncContextManager[Letters]:
        raise NotImplementedError

    def listen(self, topic: str) -> AbstractAsyncContextManager[Listening]:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


class _Once:
    def __init__(self, broker: Losing, answers: list[list[Event]]) -> None:
        self._broker = broker
        self._answers = answers
        self._given = 0

    async def receive(self, most: int) -> Sequence[Delivery]:  # noqa: ARG002 - the port's
        if self._given == 1 and self._broker.subscriptions == 1:
            await self._broker.lost.wait()
        if self._given == len(self._answers):
            await asyncio.sleep(0.01)
            return []
        self._given += 1
        return [Delivery(event.encode(), str(event.id), 0) for event in self._answers[self._given - 1]]

    async def done(self, delivery: Delivery) -> None:  # noqa: ARG002 - the port's
        if self._broker.subscriptions == 1:
            self._broker.lost.set()
            raise Unavailable("lost")

    async def bury(self, delivery: Delivery, reason: str) -> None:
        raise NotImplementedError

    async def backlog(self) -> Backlog:
        return Backlog(0, 0)


def test_nothing_overtakes_what_stood_behind_an_event_that_could_not_be_settled() -> None:
    handled: list[Event] = []

    async def run() -> None:
        async def handle(event: Event) -> None:
            handled.append(event)
            if event == THIRD and handled.count(FIRST) == 2:
                consumer.stop()

        consumer = Consumer(Losing(), "topic", "group", handle, backoff=Backoff(base=0.01, most=0.01))
        await asyncio.wait_for(consumer.run(), 10)

    asyncio.run(run())
    assert handled == [FIRST, FIRST, SECOND, THIRD]


def test_an_event_that_many_processes_died_with_is_tried_again_after_its_first_failure() -> None:
    tries: list[Event] = []

    class Again(_Once):
        async def receive(self, most: int) -> Sequence[Delivery]:
            return [replace(each, earlier=7) for each in await super().receive(most)]

        async def done(self, delivery: Delivery) -> None:  # noqa: ARG002 - the port's
            consumer.stop()

    class Redelivering(Losing):
        @asynccontextmanager
        async def subscribe(self, topic: str, group: str) -> AsyncIterator[Subscription]:  # noqa: ARG002 - the port's
            yield Again(self, [[FIRST]])

    async def handle(event: Event) -> None:
        tries.append(event)
        if len(tries) == 1:
            raise RuntimeError("once")

    async def run() -> None:
        await asyncio.wait_for(consumer.run(), 10)

    consumer = Consumer(Redelivering(), "topic", "group", handle, backoff=Backoff(base=0.01, most=0.01))
    asyncio.run(run())
    assert tries == [FIRST, FIRST]


def test_a_look_at_the_backlog_comes_to_its_end_before_the_subscription_does() -> None:
    """Kafka's client leaves a connection open that is cancelled while it is made."""
    looks: list[str] = []

    class Slow(_Once):
        async def backlog(self) -> Backlog:
            looks.append("begun")
            consumer.stop()
            try:
                await asyncio.sleep(0.3)
            finally:
                looks.append("cancelled" if sys.exc_info()[0] else "ended")
            return Backlog(0, 0)

    class Looked(Losing):
        @asynccontextmanager
        async def subscribe(self, topic: str, group: str) -> AsyncIterator[Subscription]:  # noqa: ARG002 - the port's
            yield Slow(self, [])
            looks.append("unsubscribed")

    async def handle(event: Event) -> None:
        raise NotImplementedError

    async def run() -> None:
        await asyncio.wait_for(consumer.run(), 10)

    consumer = Consumer(Looked(), "topic", "group", handle)
    asyncio.run(run())
    assert looks == ["begun", "ended", "unsubscribed"]
