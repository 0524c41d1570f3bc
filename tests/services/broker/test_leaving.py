"""Leaving Kafka: what was settled is told, but not to a broker that is away, which leaves nothing behind either."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from services.broker import BrokerSettings, Kind, Unavailable, kafka, open_broker
from services.settings import Secret
from tests.services.broker.proxy import Proxy
from tests.services.broker.samples import events
from tests.services.broker.servers import Server, serving
from tests.services.certificates import Certificates

PARTITION = TopicPartition("jobs", 0)


class Client:
    """Takes the place of aiokafka's consumer."""

    def __init__(self) -> None:
        self.commits: list[dict[TopicPartition, int]] = []
        self.stopped = False

    async def start(self) -> None: ...

    def subscribe(self, *_: object, **__: object) -> None: ...

    async def getmany(self, **_: object) -> dict[TopicPartition, list[Any]]:
        return {PARTITION: [SimpleNamespace(offset=5, value=b"")]}

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.commits.append(offsets)

    async def stop(self) -> None:
        self.stopped = True


@pytest.mark.parametrize(("fault", "told"), [(None, [{PARTITION: 6}]), (Unavailable("away"), [])])
def test_what_was_settled_is_told_unless_the_broker_is_away(
    fault: Exception | None, told: list[object], certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    monkeypatch.setattr(kafka, "AIOKafkaConsumer", lambda **_: client)
    # Nothing is told before the end.
    monkeypatch.setattr(kafka, "COMMIT_EVERY", 60.0)

    async def made(*_: object) -> None: ...

    monkeypatch.setattr(kafka.Kafka, "_make", made)
    broker = kafka.Kafka(BrokerSettings(Kind.KAFKA, "localhost", 1, "user", Secret("secret"), certificates.ca))

    async def scenario() -> None:
        async with broker.subscribe("jobs", "status") as subscription:
            (delivery,) = await subscription.receive(1)
            await subscription.done(delivery)
            if fault:
                raise fault

    try:
        asyncio.run(scenario())
    except Unavailable:
        assert fault
    assert client.commits == told
    assert client.stopped


def test_the_end_of_the_librarys_own_tasks_is_none_of_ours() -> None:
    async def ended() -> None:
        raise asyncio.CancelledError

    async def scenario() -> None:
        assert await kafka._stopping(ended()) is False
        with pytest.raises(Unavailable):
            await kafka._reaching(ended())
        for waiting in (kafka._stopping(asyncio.sleep(60)), kafka._reaching(asyncio.sleep(60))):
            task = asyncio.ensure_future(waiting)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(scenario())


@pytest.fixture(scope="module")
def running(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(Kind.KAFKA, tmp_path_factory.mktemp("leaving"), certificates) as found:
        yield found


def others() -> set[str]:
    """What runs beside the test."""
    return {repr(task.get_coro()) for task in asyncio.all_tasks() if task is not asyncio.current_task()}


@pytest.mark.thorough
@pytest.mark.timeout(180)
def test_a_producer_that_a_cut_network_ended_leaves_nothing_behind(
    running: Server, caplog: pytest.LogCaptureFixture
) -> None:
    first, lost, last = events(3)

    async def scenario(proxy: Proxy) -> None:
        broker = open_broker(replace(running.settings, port=proxy.port))
        await broker.publish("leaving", first)
        proxy.cut()
        # The second try begins with another producer, which comes to nothing.
        for _ in range(2):
            with pytest.raises(Unavailable):
                await broker.publish("leaving", lost)
        await asyncio.sleep(0.1)
        assert others() == set()
        proxy.mend()
        await broker.publish("leaving", last)
        await broker.close()
        assert others() == set()

    with Proxy(*running.relay) as proxy:
        asyncio.run(scenario(proxy))
    assert [each for each in caplog.records if each.name == "asyncio"] == []


@pytest.mark.thorough
@pytest.mark.timeout(180)
def test_a_consumer_that_a_cut_network_ended_leaves_nothing_behind(running: Server) -> None:
    (event,) = events(1)

    async def scenario(proxy: Proxy) -> None:
        broker = open_broker(replace(running.settings, port=proxy.port))
        await broker.publish("leaving", event)
        await broker.close()
        async with broker.subscribe("leaving", "group") as subscription:
            while not await subscription.receive(10):
                pass
            proxy.cut()
            # Longer than a heartbeat: one is under way.
            await asyncio.sleep(2)
        await asyncio.sleep(0.1)
        assert others() == set()
        proxy.mend()
        # The ends of the connections can pass now.
        await asyncio.sleep(1)

    with Proxy(*running.relay) as proxy:
        asyncio.run(scenario(proxy))
