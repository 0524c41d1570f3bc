"""The same promises, kept by each broker: nothing lost, effects once, each key in order, the poisonous put aside."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import pytest

from services.broker import (
    Broker,
    BrokerSettings,
    Consumer,
    Event,
    Handler,
    Kind,
    Poison,
    Unavailable,
    open_broker,
    publish_in_order,
    redrive,
)
from services.broker.topology import GROUPS
from services.retry import Backoff
from tests.services.broker.proxy import Proxy
from tests.services.broker.samples import events
from tests.services.broker.servers import QUEUE_ON_DISK, Server

pytestmark = [pytest.mark.anyio, pytest.mark.thorough]

WAIT_SECONDS = 60.0
QUICK = Backoff(base=0.05, most=0.5)


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> str:
    """A topic of the test's own with one group, so that tests share a server but no queue."""
    name = f"test{uuid4().hex[:10]}"
    monkeypatch.setitem(GROUPS, name, ("group",))
    return name


@asynccontextmanager
async def opened(settings: BrokerSettings) -> AsyncIterator[Broker]:
    broker = open_broker(settings)
    try:
        yield broker
    finally:
        await broker.close()


@asynccontextmanager
async def consuming(
    broker: Broker, topic: str, handler: Handler, *, attempts: int = 8, unavailable: tuple[type[Exception], ...] = ()
) -> AsyncIterator[Consumer]:
    consumer = Consumer(broker, topic, "group", handler, backoff=QUICK, attempts=attempts, unavailable=unavailable)
    task = asyncio.create_task(consumer.run())
    try:
        yield consumer
    finally:
        consumer.stop()
        await task


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "nothing more came in time"
        await asyncio.sleep(0.05)


async def publish(broker: Broker, topic: str, given: Sequence[Event]) -> None:
    for event in given:
        await broker.publish(topic, event)


async def insist(broker: Broker, topic: str, event: Event) -> None:
    """Publish as a relay would: again, until the broker has confirmed it."""
    while True:
        try:
            return await broker.publish(topic, event)
        except Unavailable:
            await asyncio.sleep(0.1)


def in_order(effects: Sequence[tuple[object, str, int]]) -> bool:
    """Whether each key's places are 0, 1, 2, …: nothing lost, nothing twice, nothing overtaken."""
    places: dict[str, list[int]] = defaultdict(list)
    for _, key, place in effects:
        places[key].append(place)
    return all(found == list(range(len(found))) for found in places.values())


async def test_every_event_is_handled_in_the_order_of_its_key(server: Server, topic: str) -> None:
    given, seen = events(300), []

    async def handle(event: Event) -> None:
        await asyncio.sleep(random.uniform(0, 0.002))
        seen.append((event.id, event.key, event.payload["place"]))

    async with opened(server.settings) as broker, consuming(broker, topic, handle):
        await publish(broker, topic, given)
        await until(lambda: len(seen) >= len(given))
    assert len(seen) == len(given)
    assert in_order(seen)


async def test_many_keys_are_published_at_once(server: Server, topic: str) -> None:
    given, seen = events(600, keys=300), []

    async def handle(event: Event) -> None:
        seen.append((event.id, event.key, event.payload["place"]))

    async with opened(server.settings) as broker, consuming(broker, topic, handle):
        assert await publish_in_order(broker, topic, given) == {event.id for event in given}
        await until(lambda: len(seen) >= len(given))
    assert len(seen) == len(given)
    assert in_order(seen)


async def test_each_group_gets_every_event(server: Server, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GROUPS, topic, ("group", "other"))
    given = events(20)
    first, second = set(), set()

    async def one(event: Event) -> None:
        first.add(event.id)

    async def two(event: Event) -> None:
        second.add(event.id)

    async with opened(server.settings) as broker:
        # Before anybody listens: nothing passes a group by.
        await publish(broker, topic, given)
        other = Consumer(broker, topic, "other", two, backoff=QUICK)
        task = asyncio.create_task(other.run())
        async with consuming(broker, topic, one):
            await until(lambda: len(first) == len(second) == len(given))
        other.stop()
        await task
    assert first == second == {event.id for event in given}


async def test_poisonous_event_is_put_aside_and_the_others_go_on(server: Server, topic: str) -> None:
    given, seen = events(30, keys=1), []
    poisonous = given[10].id
    failing = given[20].id
    attempts = []

    async def handle(event: Event) -> None:
        if event.id == poisonous:
            raise Poison("unknown version 99")
        if event.id == failing:
            attempts.append(event.id)
            raise RuntimeError("bug")
        seen.append(event.id)

    async with opened(server.settings) as broker, consuming(broker, topic, handle, attempts=3):
        await publish(broker, topic, given)
        await until(lambda: len(seen) == 28)
        await asyncio.sleep(0.3)
        letters = await dead_letters(broker, topic)
    assert seen == [event.id for event in given if event.id not in (poisonous, failing)]
    assert len(attempts) == 3
    assert sorted(reason for _, reason in letters) == ["RuntimeError at each of 3 attempts", "unknown version 99"]
    assert {Event.decode(body).id for body, _ in letters} == {poisonous, failing}


class Foreign(Event):
    """No event of ours, as large as a broker takes, which leaves no room for the reason of a dead letter."""

    def encode(self) -> bytes:
        return b"x" * (1_048_576 - 120)


async def test_what_is_no_event_is_put_aside_however_large(server: Server, topic: str) -> None:
    first, last = events(2, keys=1)
    seen = []

    async def handle(event: Event) -> None:
        seen.append(event.id)

    foreign = Foreign(uuid4(), first.type, 1, first.key, first.occurred_at, "", {})
    async with opened(server.settings) as broker, consuming(broker, topic, handle):
        await publish(broker, topic, [first, foreign, last])
        await until_letters(broker, topic, 1)
        await until(lambda: len(seen) == 2)
        (letter,) = await dead_letters(broker, topic)
    assert letter[0] == foreign.encode()


async def test_failure_holds_back_its_own_key_only(server: Server, topic: str) -> None:
    given, seen, mended = events(40, keys=4), [], asyncio.Event()

    async def handle(event: Event) -> None:
        if event.key == "key-2" and not mended.is_set():
            raise ConnectionError("the database is away")
        seen.append((event.id, event.key, event.payload["place"]))

    async with opened(server.settings) as broker, consuming(broker, topic, handle, unavailable=(ConnectionError,)):
        await publish(broker, topic, given)
        await until(lambda: len(seen) == 30)
        await asyncio.sleep(0.3)
        assert {key for _, key, _ in seen} == {"key-0", "key-1", "key-3"}
        mended.set()
        await until(lambda: len(seen) == 40)
        assert await dead_letters(broker, topic) == []
    assert in_order(seen)


async def test_what_a_stopped_consumer_held_is_handled_by_the_next(server: Server, topic: str) -> None:
    given, seen = events(50), []

    async def stuck(_: Event) -> None:
        raise ConnectionError

    async def handle(event: Event) -> None:
        seen.append((event.id, event.key, event.payload["place"]))

    async with opened(server.settings) as broker:
        await publish(broker, topic, given)
        async with consuming(broker, topic, stuck, unavailable=(ConnectionError,)):
            await asyncio.sleep(1.0)
        async with consuming(broker, topic, handle):
            await until(lambda: len(seen) >= len(given))
    assert len(seen) == len(given)
    assert in_order(seen)


async def test_what_was_handed_out_at_once_survives_a_killed_broker(server: Server, topic: str) -> None:
    """An event that comes while its consumer waits is kept and handed out in one step, and no less safe for that."""
    given, held, seen = events(20, keys=20), [], []

    async def hold(event: Event) -> None:
        held.append(event.id)
        if event.id == given[0].id:
            raise Poison("unknown version 99")
        raise ConnectionError

    async def handle(event: Event) -> None:
        seen.append(event.id)

    async with opened(server.settings) as broker:
        async with consuming(broker, topic, hold, unavailable=(ConnectionError,)):
            for event in given:
                await broker.publish(topic, event)
                await asyncio.sleep(0.05)
            if server.settings.kind is Kind.RABBITMQ:
                await asyncio.sleep(QUEUE_ON_DISK)
            await until(lambda: set(held) == {event.id for event in given})
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        async with consuming(broker, topic, handle):
            await until(lambda: len(set(seen)) >= len(given) - 1)
        letters = await dead_letters(broker, topic)
    assert set(seen) == {event.id for event in given[1:]}
    assert [reason for _, reason in letters] == ["unknown version 99"]


async def test_announcement_reaches_every_listener(server: Server) -> None:
    topic = f"hint{uuid4().hex[:8]}"
    async with (
        opened(server.settings) as broker,
        opened(server.settings) as another,
        broker.listen(topic) as one,
        another.listen(topic) as two,
    ):
        heard: list[bytes | None] = [None, None]
        deadline = time.monotonic() + WAIT_SECONDS
        while None in heard:
            assert time.monotonic() < deadline
            await broker.announce(topic, b"look")
            for number, ear in enumerate((one, two)):
                heard[number] = heard[number] or await ear.receive()
    assert heard == [b"look", b"look"]


async def test_publisher_behind_a_cut_is_told_in_time(server: Server, topic: str) -> None:
    given, seen = events(60), []

    async def handle(event: Event) -> None:
        seen.append((event.id, event.key, event.payload["place"]))

    with Proxy(*server.relay) as proxy:
        async with opened(replace(server.settings, port=proxy.port)) as broker, consuming(broker, topic, handle):
            await publish(broker, topic, given[:30])
            await until(lambda: len(seen) == 30)
            proxy.cut()
            with pytest.raises(Unavailable):
                await broker.publish(topic, given[30])
            proxy.mend()
            for event in given[30:]:
                await insist(broker, topic, event)
            await until(lambda: len({event for event, _, _ in seen}) == len(given))


async def test_redriven_letters_are_handled(server: Server, topic: str) -> None:
    given, seen, mended = events(10), [], False

    async def handle(event: Event) -> None:
        if event.payload["place"] == 0 and not mended:
            raise Poison("not yet")
        seen.append(event.id)

    async with opened(server.settings) as broker, consuming(broker, topic, handle):
        await publish(broker, topic, given)
        await until(lambda: len(seen) == 3)
        mended = True
        await until_letters(broker, topic, 7)
        assert await redrive(broker, topic, "group") == (7, 0)
        await until(lambda: len(seen) == 10)
        assert await dead_letters(broker, topic) == []
    assert set(seen) == {event.id for event in given}


async def until_letters(broker: Broker, topic: str, count: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while len(await dead_letters(broker, topic)) < count:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def dead_letters(broker: Broker, topic: str) -> list[tuple[bytes, str]]:
    """The dead letters of the topic's group, as body and reason."""
    async with broker.letters(topic, "group") as letters:
        return [(letter.body, letter.reason) for letter in letters.all]
