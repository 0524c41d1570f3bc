"""gRPC clients of the tests: the services' own channel, with any identity."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from services.hand_over.status_pb2_grpc import StatusServiceStub
from services.rpc import health, open_channel
from services.transport import Identity
from tests.services.certificates import Certificates
from tests.services.processes import SECRETS, Service

if TYPE_CHECKING:
    from services.hand_over.status_pb2_grpc import StatusServiceAsyncStub

METADATA = (("authorization", f"Bearer {SECRETS['set_status_token']}"),)


def identity(certificates: Certificates) -> Identity:
    return Identity(certificates.ca, certificates.certificate, certificates.key)


def start(service: Service, url: str, certificates: Certificates) -> None:
    """Start a service that serves gRPC, and wait until it says that it serves."""
    service.start()
    service.alive_until(lambda: asyncio.run(health.ask(url, identity(certificates))) is None, "ready")


@asynccontextmanager
async def stub(url: str, certificates: Certificates) -> AsyncIterator["StatusServiceAsyncStub"]:
    async with open_channel(url, identity(certificates)) as channel:
        yield StatusServiceStub(channel)
