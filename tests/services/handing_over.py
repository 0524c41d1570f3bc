"""Jobs handed over by each of the ways, one after the other on this machine. Run in the services' environment.

The relay's own adapters call a real async service on loopback, with TLS, a PostgreSQL that waits for its disk, and real
brokers. `python -m tests.services.handing_over` prints one line of JSON: the figures by way.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any
from uuid import uuid4

import psycopg
import uvloop

from services.hand_over import Way
from services.main.adapters.hand_over import HandOver, open_way
from services.main.adapters.outbox import OutboxMessage
from services.main.settings import RelaySettings
from services.migration import migrate, read
from services.postgres import Database
from services.retry import Answered, Delivered, Outcome, Unreachable
from services.settings import Secret, Source
from tests.services import certificates as authority
from tests.services.broker.servers import MAKERS, Server, serving
from tests.services.certificates import Certificates
from tests.services.cluster import Cluster, running
from tests.services.pair import Pair
from tests.services.processes import Launcher
from tests.services.throughput import DURABLE

# Jobs under way at once, as the relay has them.
AT_ONCE = 64
# Attempts at most, and seconds for each.
ATTEMPTS = 3
PATIENCE = 10.0
# The callback is never reached: every job waits.
WAIT = "3600"
TRACEPARENT = f"00-{'a' * 32}-{'b' * 16}-01"


@dataclass(frozen=True)
class Figures:
    """rate: jobs a second, until the last is on the async service's disk, AT_ONCE under way.

    answered, kept: seconds, one job after the other, as quantiles: until the sender has its answer (from a broker: the
    confirm), and until the job is on the async service's disk.
    """

    rate: float
    answered_p50: float
    answered_p99: float
    kept_p50: float
    kept_p99: float


def message() -> OutboxMessage:
    payload = {"pk": 3, "job": str(uuid4()), "request": 7}
    return OutboxMessage(0, "set-status", payload, "bench-0001", TRACEPARENT, 1, 0.0)


async def send(way: HandOver, sent: OutboxMessage) -> None:
    """Send as the relay does: once more when there was no answer in time. Raises RuntimeError for a refusal."""
    outcome: Outcome = Unreachable("not sent")
    for _ in range(ATTEMPTS):
        try:
            async with asyncio.timeout(PATIENCE):
                outcome = await way.send(sent, TRACEPARENT)
        except TimeoutError:
            outcome = Unreachable("no answer in time")
        if isinstance(outcome, Delivered) or (isinstance(outcome, Answered) and outcome.status == 202):
            return
    raise RuntimeError(f"not taken: {outcome}")


async def measure(settings: RelaySettings, arguments: dict[str, Any], single: int, many: int) -> Figures:
    """single: jobs one after the other. many: jobs at once."""
    async with (
        await psycopg.AsyncConnection.connect(**arguments, autocommit=True) as connection,
        open_way(settings, AT_ONCE) as way,
    ):

        async def count() -> int:
            row = await (await connection.execute("SELECT count(*) FROM status.jobs")).fetchone()
            assert row
            return int(row[0])

        async def is_kept(job: str) -> bool:
            cursor = await connection.execute("SELECT FROM status.jobs WHERE id = %s::uuid", [job])
            return await cursor.fetchone() is not None

        answered, kept = [], []
        for number in range(single + single // 5):
            sent = message()
            began = perf_counter()
            await send(way, sent)
            answer = perf_counter() - began
            while not await is_kept(sent.key):
                pass
            # The first ones open connections.
            if number >= single // 5:
                answered.append(answer)
                kept.append(perf_counter() - began)

        room = asyncio.Semaphore(AT_ONCE)

        async def one() -> None:
            async with room:
                await send(way, message())

        async def all_of(jobs: int) -> float:
            before, began = await count(), perf_counter()
            await asyncio.gather(*(one() for _ in range(jobs)))
            while await count() < before + jobs:
                await asyncio.sleep(0.01)
            return jobs / (perf_counter() - began)

        await all_of(4 * AT_ONCE)
        rate = await all_of(many)
    return Figures(rate, *of(answered), *of(kept))


def of(seconds: Sequence[float]) -> tuple[float, float]:
    """The median, and the 99th percentile."""
    cuts = quantiles(seconds, n=100)
    return cuts[49], cuts[98]


def ways(folder: Path, certificates: Certificates) -> Generator[tuple[str, Way, Server | None], None, None]:
    """Each way by its name; a broker runs only while it is its turn. To be closed: one may run yet."""
    yield "http", Way.HTTP, None
    yield "grpc", Way.GRPC, None
    for kind in MAKERS:
        with serving(kind, folder / kind.value, certificates) as server:
            yield f"broker ({kind.value})", Way.BROKER, server


def run(single: int, many: int) -> dict[str, Figures]:
    found: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificates = authority.make(folder)
        with running(certificates, **DURABLE) as cluster, closing(ways(folder, certificates)) as each:
            for title, way, server in each:
                database = migrated(cluster)
                launcher = Launcher(cluster, certificates, folder / title)
                pair = Pair(way, launcher, cluster, database, certificates, server)
                try:
                    _, url = pair.start_status("https://localhost:1", SP_DEFER_SECONDS=WAIT)
                    relay = pair.relay(url)
                    settings = RelaySettings.read(Source(relay.environment, relay.folder / "credentials"))
                    arguments = cluster.arguments("postgres", database)
                    found[title] = uvloop.run(measure(settings, arguments, single, many))
                finally:
                    launcher.stop_all()
    return found


def migrated(cluster: Cluster) -> str:
    name = cluster.create()
    for schema in ("main", "status"):
        password = Secret(cluster.password)
        owner = Database("localhost", cluster.port, name, "sp_owner", password, cluster.ca, schema)
        migrate(owner, read(f"services.{schema}"))
    return name


def main() -> None:
    parser = argparse.ArgumentParser(description="Jobs handed over by each of the ways")
    parser.add_argument("--single", type=int, default=200, help="jobs one after the other")
    parser.add_argument("--many", type=int, default=2000, help="jobs at once")
    given = parser.parse_args()
    found = {name: asdict(figures) for name, figures in run(given.single, given.many).items()}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
