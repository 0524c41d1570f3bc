"""Asks a gRPC server for its health (grpc.health.v1): `python -m services.rpc.health URL CA CERTIFICATE KEY`.

Exits with 0 when it serves, and with 1 when not, with one line on standard error that says what was found.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any, cast

from grpc import aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from services import cancellation
from services.rpc.channel import open_channel
from services.transport import Identity

# Seconds.
TIMEOUT = 2.0


async def ask(url: str, identity: Identity) -> str | None:
    """Return None if all is well, else what is wrong."""
    async with open_channel(url, identity) as channel:
        try:
            answer = await cast(Any, HealthStub(channel)).Check(HealthCheckRequest(), timeout=TIMEOUT)
        except aio.AioRpcError as error:
            return f"{url}: {error.code().name}: {error.details()}"
    if answer.status == HealthCheckResponse.SERVING:
        return None
    return f"{url} answers {HealthCheckResponse.ServingStatus.Name(answer.status)}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m services.rpc.health", description="Asks a gRPC server for health.")
    parser.add_argument("url", help="https://host:port")
    for name in ("ca", "certificate", "key"):
        parser.add_argument(name, type=Path, help="a PEM file")
    given = parser.parse_args()
    cancellation.mend_wait_for()
    try:
        wrong = asyncio.run(ask(given.url, Identity(given.ca, given.certificate, given.key)))
    except OSError as error:
        wrong = f"{error.filename}: {error.strerror}"
    if wrong:
        sys.stderr.write(f"{wrong}\n")
        raise SystemExit(1)


if __name__ == "__main__":
    main()
