"""The message broker behind one contract (`port.py`): RabbitMQ, Redis or Kafka, chosen by a setting.

What is promised: an event that `publish` has returned for is handled by every group of its topic, at least once, and in
the order of publication for each key. Effects happen once because the handler knows events by their id
(services.inbox). What is never handled well becomes a dead letter of the group, with the reason, and is not lost.
"""

from services.broker.consumer import Consumer, Handler, Poison
from services.broker.event import Event, Malformed
from services.broker.open import open_broker
from services.broker.port import Broker, Delivery, Letter, Letters, Listening, Subscription, Unavailable
from services.broker.publish import publish_in_order
from services.broker.redrive import redrive
from services.broker.settings import BrokerSettings, Kind

__all__ = [
    "Broker",
    "BrokerSettings",
    "Consumer",
    "Delivery",
    "Event",
    "Handler",
    "Kind",
    "Letter",
    "Letters",
    "Listening",
    "Malformed",
    "Poison",
    "Subscription",
    "Unavailable",
    "open_broker",
    "publish_in_order",
    "redrive",
]
