"""Messages that the queue API accepts in a second. Run in the services' environment.

A real process, TLS, and a PostgreSQL that waits for its disk before each 202. It prints one line of JSON: our rate, and
those of two references on the same machine: the bare server, which keeps nothing, and a commit for each message.
"""

import asyncio
import json
import ssl
import sys
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter
from uuid import uuid4

import aiohttp

from services.migration import migrate, read
from services.postgres import Database
from services.settings import Secret
from tests.services import certificates as authority
from tests.services.cluster import Cluster, running
from tests.services.gateway.gateway import DRAFTS, TOKEN
from tests.services.ports import free_port
from tests.services.processes import Launcher, Service
from tests.services.throughput import DURABLE

MESSAGES = 5000
ONE_BY_ONE = 1000
# Callers at a time.
CALLERS = 64


async def post(url: str, ca: Path, bodies: Sequence[str]) -> float:
    """Post all, by so many callers at a time; seconds. Anything but 202 ends the run."""
    tls = ssl.create_default_context(cafile=str(ca))
    left = iter(bodies)

    async def call(session: aiohttp.ClientSession) -> None:
        for body in left:
            headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
            async with session.post(f"{url}/messages", data=body, headers=headers) as answer:
                assert answer.status == 202, await answer.text()
                await answer.read()

    connector = aiohttp.TCPConnector(ssl=tls, limit=CALLERS)
    authorization = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(connector=connector, headers=authorization, trust_env=False) as session:
        began = perf_counter()
        await asyncio.gather(*(call(session) for _ in range(CALLERS)))
        return perf_counter() - began


def rate(launcher: Launcher, service: Service, url: str, bodies: Sequence[str]) -> float:
    """Messages a second, after some that warm it up."""
    launcher.start(service, url)
    asyncio.run(post(url, launcher.certificates.ca, list(islice(bodies, 500))))
    seconds = asyncio.run(post(url, launcher.certificates.ca, bodies))
    service.stop()
    return len(bodies) / seconds


def one_by_one(cluster: Cluster, database: str) -> float:
    """Messages a second when each has a statement and a commit of its own, on one connection."""
    with cluster.connect(database, schema="gateway") as connection:
        began = perf_counter()
        for _ in range(ONE_BY_ONE):
            connection.execute(
                "INSERT INTO messages"
                " (id, idempotency_key, fingerprint, channel, recipient, subject, body, correlation_id)"
                " VALUES (%s, %s, '', 'vk', '1', '', 'A result has arrived.', 'bench-0001')",
                [uuid4(), str(uuid4())],
            )
        return ONE_BY_ONE / (perf_counter() - began)


def measure() -> dict[str, float]:
    bodies = [json.dumps(DRAFTS["vk"] | {"to": str(number % 1000 + 1)}) for number in range(MESSAGES)]
    with tempfile.TemporaryDirectory() as folder:
        certificates = authority.make(Path(folder))
        with running(certificates, **DURABLE) as cluster:
            name = cluster.create()
            owner = Database(
                "localhost", cluster.port, name, "sp_owner", Secret(cluster.password), cluster.ca, "gateway"
            )
            migrate(owner, read("services.gateway"))
            launcher = Launcher(cluster, certificates, Path(folder) / "services")
            try:
                port, bare_port = free_port(), free_port()
                ours = launcher.service("services.gateway", name, "sp_gateway", SP_BIND_PORT=str(port))
                bare = launcher.service("tests.services.gateway.bare", SP_BIND_PORT=str(bare_port))
                bare.environment["PYTHONPATH"] = str(Path(__file__).parents[3])
                found = {
                    "ours": rate(launcher, ours, f"https://localhost:{port}", bodies),
                    "bare": rate(launcher, bare, f"https://localhost:{bare_port}", bodies),
                    "one by one": one_by_one(cluster, name),
                }
                with cluster.connect(name, schema="gateway") as connection:
                    row = connection.execute("SELECT count(*) FROM messages WHERE channel = 'vk'").fetchone()
                assert row is not None
                return found | {"lost": MESSAGES + 500 + ONE_BY_ONE - row[0]}
            finally:
                launcher.stop_all()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure()) + "\n")
