"""Calling another service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from grpc import aio

from services.rpc.credentials import of_client
from services.transport import Identity

_OPTIONS = [
    # Whether to send again is for the outbox to decide.
    ("grpc.enable_retries", 0),
    # No call leaves by another door.
    ("grpc.enable_http_proxy", 0),
    # A name service that is told nothing of ours has no say in how we call.
    ("grpc.service_config_disable_resolution", 1),
    # Milliseconds. A server that comes back is found soon, and a line that was cut is noticed.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 3000),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
]


@asynccontextmanager
async def open_channel(url: str, identity: Identity) -> AsyncIterator[aio.Channel]:
    """A channel to `https://host:port`. It connects when it is first needed, and anew when the connection was lost."""
    async with aio.secure_channel(urlsplit(url).netloc, of_client(identity), _OPTIONS) as channel:
        yield channel
