"""Leaving Kafka: what was settled is told, but not to a broker that is away."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from services.broker import BrokerSettings, Kind, Unavailable, kafka
from services.settings import Secret
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
