"""From the setting to the adapter."""

from services.broker.kafka import Kafka
from services.broker.port import Broker
from services.broker.rabbitmq import RabbitMQ
from services.broker.redis import RedisStreams
from services.broker.settings import BrokerSettings, Kind


def open_broker(settings: BrokerSettings) -> Broker:
    """The adapter of the chosen kind. Nothing is connected yet. To be called inside the event loop."""
    match settings.kind:
        case Kind.RABBITMQ:
            return RabbitMQ(settings)
        case Kind.REDIS:
            return RedisStreams(settings)
        case Kind.KAFKA:
            return Kafka(settings)
