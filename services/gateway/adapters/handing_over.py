"""From the database to the broker."""

from datetime import UTC, datetime

from services.broker import Broker, Event, Unavailable
from services.gateway.adapters.attempts import Handover
from services.gateway.domain.due import TYPE, VERSION, Due, lane
from services.retry import Answered, Outcome, Unreachable

TOPIC = "messages"
GROUP = "sender"


async def hand_over(broker: Broker, handover: Handover) -> Outcome:
    """Publish that an attempt is due. Once the broker has confirmed it, it counts as answered."""
    due = Due(handover.id, handover.number)
    event = Event(
        id=due.id,
        type=TYPE,
        version=VERSION,
        key=lane(handover.channel, handover.recipient),
        occurred_at=datetime.now(UTC),
        correlation_id=handover.correlation_id,
        payload=due.payload(),
    )
    try:
        await broker.publish(TOPIC, event)
    except Unavailable as error:
        return Unreachable(f"broker: {error}")
    return Answered(202)
