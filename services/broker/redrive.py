"""Sending dead letters again, once their cause is mended."""

from collections.abc import Set

from services.broker.event import Event, Malformed
from services.broker.port import Broker, Letters


async def redrive(broker: Broker, topic: str, group: str) -> tuple[int, int]:
    """Publish each dead letter of a group anew; return how many were, and how many are no events and stay.

    Every group of the topic gets the event once more, and knows it by its id. Raises Unavailable; what was not sent
    stays a dead letter.
    """
    async with broker.letters(topic, group) as letters:
        sent = await resend(broker, topic, letters)
        return len(sent), len(letters.all) - len(sent)


async def resend(broker: Broker, topic: str, letters: Letters, only: Set[str] | None = None) -> list[str]:
    """Publish letters anew, all or those of the events named; the ids of those that were. Raises Unavailable."""
    sent: list[str] = []
    for letter in letters.all:
        try:
            event = Event.decode(letter.body)
        except Malformed:
            continue
        if only is None or str(event.id) in only:
            await broker.publish(topic, event)
            await letters.forget(letter)
            sent.append(str(event.id))
    return sent
