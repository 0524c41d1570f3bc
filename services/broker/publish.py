"""Publishing many events at once without one overtaking another of its key."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from services.broker.event import Event
from services.broker.port import Broker, Unavailable


async def publish_in_order(broker: Broker, topic: str, events: Sequence[Event]) -> set[UUID]:
    """Publish events, given oldest first; return the ids of those that the broker keeps.

    Keys go side by side, and of each key one event at a time: a later one is not sent before the earlier is confirmed.
    After a failure the rest of the key waits for the next call, so whoever calls must again begin with the oldest.
    """
    lanes: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        lanes[event.key].append(event)
    kept: set[UUID] = set()

    async def send(lane: Sequence[Event]) -> None:
        for event in lane:
            try:
                await broker.publish(topic, event)
            except Unavailable:
                return
            kept.add(event.id)

    await asyncio.gather(*(send(lane) for lane in lanes.values()))
    return kept
