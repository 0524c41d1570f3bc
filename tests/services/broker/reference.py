"""What the rates are compared with: FastStream's plain loop over events that lie in the broker. Needs group `bench`."""

import asyncio
import logging
from time import monotonic
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from faststream.kafka import KafkaBroker
from faststream.rabbit import RabbitBroker, RabbitQueue
from faststream.redis import RedisBroker, StreamSub
from faststream.security import SASLPlaintext, SASLScram512

from services.broker import BrokerSettings, Kind, open_broker, publish_in_order
from services.broker.rabbitmq import VIRTUAL_HOST
from services.broker.redis import stream
from services.broker.topology import GROUPS
from tests.services.broker.samples import events

SECONDS = 120.0
GROUP = "group"


def consumed(settings: BrokerSettings, count: int, keys: int) -> float:
    """Events a second, from the first to the last, of a handler that does nothing, with FastStream's defaults."""
    return asyncio.run(_consume(settings, count, keys))


async def _consume(settings: BrokerSettings, count: int, keys: int) -> float:
    topic = f"reference{uuid4().hex[:8]}"
    with patch.dict(GROUPS, {topic: (GROUP,)}):
        ours = open_broker(settings)
        left = events(count, keys)
        while left:
            kept = await publish_in_order(ours, topic, left)
            left = [event for event in left if event.id not in kept]
        await ours.close()
    times: list[float] = []
    done = asyncio.Event()

    async def handle(_: dict[str, Any]) -> None:
        times.append(monotonic())
        if len(times) >= count:
            done.set()

    theirs, subscriber = _broker(settings, topic)
    subscriber(handle)
    await theirs.start()
    try:
        await asyncio.wait_for(done.wait(), SECONDS)
    finally:
        await theirs.stop()
    return (len(times) - 1) / (times[-1] - times[0])


def _broker(settings: BrokerSettings, topic: str) -> tuple[Any, Any]:
    """FastStream's broker, and its subscriber to what our group would take."""
    address = f"localhost:{settings.port}"
    user, password = settings.user, settings.password.reveal()
    security = SASLPlaintext(user, password, ssl_context=settings.tls())
    match settings.kind:
        case Kind.RABBITMQ:
            rabbit = RabbitBroker(f"amqps://{address}/", virtualhost=VIRTUAL_HOST, security=security, logger=None)
            return rabbit, rabbit.subscriber(RabbitQueue(f"{topic}.{GROUP}", declare=False))
        case Kind.REDIS:
            redis = RedisBroker(f"rediss://{address}", security=security, logger=_silent())
            return redis, redis.subscriber(stream=StreamSub(stream(topic), group=GROUP, consumer="reference"))
        case Kind.KAFKA:
            scram = SASLScram512(user, password, ssl_context=settings.tls())
            kafka = KafkaBroker(address, security=scram, logger=None)
            return kafka, kafka.subscriber(topic, group_id=f"{topic}.{GROUP}", auto_offset_reset="earliest")


def _silent() -> logging.Logger:
    """For the one broker that must have a logger."""
    made = logging.getLogger("tests.reference")
    made.setLevel(logging.CRITICAL)
    return made
