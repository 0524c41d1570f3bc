"""Runs a gRPC server: its services behind the envelope, and beside them health and, where asked for, reflection."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grpc import aio
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health import aio as health
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection

from services.rpc.credentials import of_server
from services.rpc.envelope import Envelope
from services.transport import Identity, Listener, stop_on_signal
from services.transport.body_limit import MOST
from services.transport.server import PATIENCE

logger = logging.getLogger(__name__)

# Seconds between two looks at our own health.
INTERVAL = 1.0

_OPTIONS = [
    ("grpc.max_receive_message_length", MOST),
    ("grpc.max_concurrent_streams", 1000),
    # Two processes must not share a port without knowing it.
    ("grpc.so_reuseport", 0),
    # Milliseconds. A client that is cut off is noticed; one that asks for signs of life as ours do is no nuisance.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server offers.

    names: the full names of its services. add: puts them in. ready: raises when it cannot serve. reflection: whether it
    tells anybody that gets through the handshake what it offers.
    """

    names: Sequence[str]
    add: Callable[[aio.Server], None]
    envelope: Envelope
    ready: Callable[[], Awaitable[None]]
    reflection: bool = False


async def serve(offer: Offer, listener: Listener, ca: Path, stopping: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; calls under way get PATIENCE. Exits with 3 where the start fails.

    stopping: called at the signal, so that streams without an end come to one.
    """
    server = aio.server(interceptors=[offer.envelope], options=_OPTIONS)
    offer.add(server)
    servicer = health.HealthServicer()
    add_HealthServicer_to_server(servicer, server)
    if offer.reflection:
        reflection.enable_server_reflection((*offer.names, HEALTH, reflection.SERVICE_NAME), server)
    assert listener.certificate
    assert listener.key
    credentials = of_server(Identity(ca, listener.certificate, listener.key))
    address = f"{listener.address}:{listener.port}"
    stopped = asyncio.Event()
    stop_on_signal(stopped.set)
    try:
        server.add_secure_port(address, credentials)
        await _look(offer, servicer)
        await server.start()
    except RuntimeError:
        logger.exception("cannot serve", extra={"address": address})
        raise SystemExit(3) from None
    logger.info("gRPC server started", extra={"address": address})
    looking = asyncio.create_task(_keep_looking(offer, servicer))
    await stopped.wait()
    stopping()
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    await servicer.enter_graceful_shutdown()
    await server.stop(PATIENCE)


async def _keep_looking(offer: Offer, servicer: health.HealthServicer) -> None:
    while True:
        await asyncio.sleep(INTERVAL)
        await _look(offer, servicer)


async def _look(offer: Offer, servicer: health.HealthServicer) -> None:
    found: int = HealthCheckResponse.SERVING
    try:
        await offer.ready()
    except Exception as error:
        # Whatever it is: who asks is to hear of it, and the next look may find it mended.
        logger.warning("not ready", extra={"error": type(error).__name__})
        found = HealthCheckResponse.NOT_SERVING
    for name in ("", *offer.names):
        await servicer.set(name, found)
