"""Sending dead letters again, once their cause is mended."""

from services.broker.event import Event, Malformed
from services.broker.port import Broker


async def redrive(broker: Broker, topic: str, group: str) -> tuple[int, int]:
    """Publish each dead letter of a group anew; return how many were, and how many are no events and stay.

    Every group of the topic gets the event once more, and knows it by its id. Raises Unavailable; what was not sent
    stays a dead letter.
    """
    sent = 0
    async with broker.letters(topic, group) as letters:
        for letter in letters.all:
            try:
                event = Event.decode(letter.body)
            except Malformed:
                continue
            await broker.publish(topic, event)
            await letters.forget(letter)
            sent += 1
        return sent, len(letters.all) - sent
