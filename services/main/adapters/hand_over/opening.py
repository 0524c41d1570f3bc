"""From the settings to the way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.broker import open_broker
from services.hand_over import Way
from services.main.adapters.hand_over.events import BrokerHandOver
from services.main.adapters.hand_over.http import HttpHandOver
from services.main.adapters.hand_over.port import HandOver
from services.main.adapters.hand_over.rpc import GrpcHandOver
from services.main.settings import RelaySettings
from services.rpc import open_channel
from services.transport import tls_client


@asynccontextmanager
async def open_way(settings: RelaySettings, concurrency: int) -> AsyncIterator[HandOver]:
    """The chosen way, open while the block runs. Nothing is connected yet. concurrency: calls at once at most."""
    match settings.way:
        case Way.HTTP:
            async with tls_client(settings.ca, concurrency) as client:
                yield HttpHandOver(client, settings.status_url, settings.set_status_token)
        case Way.GRPC:
            assert settings.identity
            async with open_channel(settings.status_url, settings.identity) as channel:
                yield GrpcHandOver(channel, settings.set_status_token)
        case Way.BROKER:
            assert settings.broker
            broker = open_broker(settings.broker)
            try:
                yield BrokerHandOver(broker)
            finally:
                await broker.close()
