"""An event of the broker.

Delivered means that the broker keeps it: what the async service refuses becomes a dead letter there.
"""

from services.broker import Broker, Unavailable
from services.hand_over.event import TOPIC, event_of
from services.main.adapters.outbox import OutboxMessage
from services.retry import Dead, Delivered, Outcome, Unreachable


class BrokerHandOver:
    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def send(self, message: OutboxMessage, traceparent: str) -> Outcome:
        try:
            event = event_of(message.payload, message.correlation_id, traceparent)
        except ValueError as error:
            return Dead(str(error))
        try:
            await self._broker.publish(TOPIC, event)
        except Unavailable as error:
            return Unreachable(f"broker: {error}"[:200])
        return Delivered()

    async def abandon(self) -> None:
        await self._broker.close()
