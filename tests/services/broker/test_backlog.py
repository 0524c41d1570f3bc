"""What a consumer tells the metrics: how much waits, how old it is, and what is dead."""

import asyncio
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from services.broker import Consumer, Event, Poison, consumer, open_broker
from services.broker.topology import GROUPS
from services.retry import Backoff
from tests.services.broker.samples import events
from tests.services.broker.servers import Server

pytestmark = [pytest.mark.anyio, pytest.mark.thorough]


def value(name: str, topic: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"sallyport_broker_{name}", {"topic": topic, "group": "group", **labels})


async def until(name: str, topic: str, wanted: float, **labels: str) -> None:
    async with asyncio.timeout(120):
        while value(name, topic, **labels) != wanted:
            await asyncio.sleep(0.05)


async def test_the_backlog_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = f"test{uuid4().hex[:10]}"
    monkeypatch.setitem(GROUPS, topic, ("group",))
    monkeypatch.setattr(consumer, "WATCH_EVERY", 0.2)
    opened = asyncio.Event()

    async def handle(event: Event) -> None:
        if event.payload["place"] == 0:
            raise Poison("not for us")
        await opened.wait()

    broker = open_broker(server.settings)
    for event in events(60, keys=7):
        await broker.publish(topic, event)
    consuming = Consumer(broker, topic, "group", handle, backoff=Backoff(base=0.05, most=0.2))
    task = asyncio.create_task(consuming.run())
    await until("dead_letters", topic, 7)
    # Those in hand as well as those with the broker: all that is not settled.
    await until("waiting", topic, 53)
    assert value("connected", topic) == 1
    assert (value("oldest_seconds", topic) or 0) > 0
    opened.set()
    await until("waiting", topic, 0)
    await until("oldest_seconds", topic, 0)
    assert value("attempts_total", topic, verdict="handled") == 53
    assert value("attempts_total", topic, verdict="dead") == 7
    consuming.stop()
    await task
    await broker.close()
