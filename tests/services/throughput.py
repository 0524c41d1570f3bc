"""Deferred jobs end to end: outbox, relay, async service, wait, callback. Run in the services' environment.

Real processes on loopback, TLS between them, and a PostgreSQL that waits for its disk.
`python -m tests.services.throughput` prints one line of JSON: our figures, and those of the references, which run
afterwards on the same machine.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg

from services.migration import migrate, read
from services.postgres import Database
from services.settings import Secret
from tests.services import certificates as authority
from tests.services.cluster import Cluster, running
from tests.services.processes import Launcher

WAIT = 5.0
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
# Stocks that the migrations bring: a request has one item of each.
STOCKS = 6
# Each has one draft at a time, and forms it with those of the others.
CREATORS = 2
RELAY_LISTENS = (
    b"SELECT FROM pg_stat_activity WHERE application_name = 'sallyport-relay-listen' AND query LIKE 'LISTEN%'"
)


@dataclass(frozen=True)
class Figures:
    """rate: jobs a second, from the first result to the last. late: seconds after a result was due, as quantiles.

    waiting: jobs that waited in the async service at once, at most. lost, doubled: jobs. cpu: milliseconds of processor
    time for a job, by process; unlike the others it hardly depends on what else the machine does.
    """

    jobs: int
    rate: float
    late_p50: float
    late_p99: float
    waiting: int
    lost: int
    doubled: int
    cpu: dict[str, float]


@dataclass(frozen=True)
class Town:
    """processes: the process ids of the services, by name."""

    cluster: Cluster
    database: str
    processes: dict[str, int]


@contextmanager
def town(folder: Path) -> Iterator[Town]:
    """Run main, its relay and the async service, with a database that has both schemas."""
    certificates = authority.make(folder)
    with running(certificates, **DURABLE) as cluster:
        name = cluster.create()
        for schema in ("main", "status"):
            password = Secret(cluster.password)
            owner = Database("localhost", cluster.port, name, "sp_owner", password, cluster.ca, schema)
            migrate(owner, read(f"services.{schema}"))
        launcher = Launcher(cluster, certificates, folder / "services")
        try:
            main, url = launcher.main(name)
            status, status_url = launcher.status(name, url, SP_DEFER_SECONDS=str(WAIT))
            relay = launcher.relay(name, status_url)
            launcher.start(main, url)
            launcher.start(status, status_url)
            relay.start()
            running_now = {"main": main.process, "relay": relay.process, "status": status.process}
            yield Town(cluster, name, {each: process.pid for each, process in running_now.items() if process})
        finally:
            launcher.stop_all()


def form(cluster: Cluster, database: str, jobs: int, rate: float) -> None:
    """Form requests, at a steady rate of jobs a second, as the main service writes them: state and outbox together."""
    with cluster.connect(database, schema="main") as connection:
        connection.execute(
            "INSERT INTO users (name, password_hash, role)"
            " SELECT 'bench' || number, '-', 'creator' FROM generate_series(1, %s) AS number",
            [CREATORS],
        )
        began = monotonic()
        formed = 0
        while formed < jobs:
            due = jobs if not rate else min(jobs, int((monotonic() - began) * rate) + 1)
            with connection.transaction():
                while formed < due:
                    formed += _form(connection)
                connection.execute("NOTIFY main_outbox")
            sleep(0.02)


def _form(connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    """One request of each creator, step by step, for the schema lets none begin formed. How many jobs that gives."""
    execute = connection.execute
    requests = execute(
        "INSERT INTO requests (creator_id) SELECT id FROM users WHERE name LIKE 'bench%' RETURNING id"
    ).fetchall()
    ids = [[row[0] for row in requests]]
    execute(
        "INSERT INTO request_items (request_id, stock_id, quantity)"
        " SELECT request, stock.id, 1 FROM unnest(%s::bigint[]) AS request,"
        " (SELECT id FROM stocks ORDER BY id LIMIT 6) AS stock",
        ids,
    )
    execute("UPDATE requests SET state = 'formed', formed_at = now() WHERE id = ANY (%s)", ids)
    execute("UPDATE request_items SET job_id = gen_random_uuid() WHERE request_id = ANY (%s)", ids)
    return execute(
        "INSERT INTO outbox (topic, payload, correlation_id, traceparent)"
        " SELECT 'set-status', jsonb_build_object('pk', stock_id, 'job', job_id, 'request', request_id), 'bench-0001',"
        " '00-' || md5(request_id::text) || '-0123456789abcdef-01' FROM request_items WHERE request_id = ANY (%s)",
        ids,
    ).rowcount


def measure(jobs: int, rate: float, asleep: int) -> Figures:
    """Run `jobs` at `rate` a second while `asleep` more wait for much later."""
    with tempfile.TemporaryDirectory() as folder, town(Path(folder)) as here:
        cluster, name = here.cluster, here.database
        with cluster.connect(name, schema="status") as connection:
            connection.execute(
                "INSERT INTO jobs (id, stock_id, correlation_id, due_at)"
                " SELECT gen_random_uuid(), 1, 'asleep-0001', now() + interval '1 day' FROM generate_series(1, %s)",
                [asleep],
            )
            connection.execute("ANALYZE")
        with cluster.connect(name) as connection:
            row = connection.execute("SELECT pg_backend_pid()").fetchone()
            assert row is not None
            processes = here.processes | {"postgresql": _stat(row[0])[1]}
            # A relay that is still starting would let a second's jobs pile up and hand them over as one burst.
            while connection.execute(RELAY_LISTENS).fetchone() is None:
                sleep(0.1)
        before = {each: _spent(process) for each, process in processes.items()}
        form(cluster, name, jobs, rate)
        most = 0
        deadline = monotonic() + 120
        with cluster.connect(name) as connection:

            def count(query: str) -> int:
                row = connection.execute(query.encode()).fetchone()
                assert row is not None
                return int(row[0])

            while monotonic() < deadline:
                most = max(most, count("SELECT count(*) FROM status.jobs WHERE state = 'waiting'"))
                left = count("SELECT count(*) FROM main.outbox WHERE state <> 'delivered'")
                left += count("SELECT count(*) FROM status.jobs WHERE state <> 'delivered'") - asleep
                if not left:
                    break
                sleep(0.25)
            lost = count("SELECT count(*) FROM main.request_items WHERE job_id IS NOT NULL AND result IS NULL")
            doubled = count("SELECT count(*) FROM status.jobs WHERE state = 'delivered' AND attempts > 1")
            row = connection.execute(
                "SELECT count(*), extract(epoch FROM max(settled_at) - min(settled_at)),"
                " percentile_cont(ARRAY[0.5, 0.99])"
                " WITHIN GROUP (ORDER BY extract(epoch FROM settled_at - accepted_at))"
                " FROM status.jobs WHERE state = 'delivered'"
            ).fetchone()
        assert row is not None
        done, seconds, quantiles = row
        return Figures(
            jobs=done,
            rate=done / float(seconds),
            late_p50=float(quantiles[0]) - WAIT,
            late_p99=float(quantiles[1]) - WAIT,
            waiting=most,
            lost=lost,
            doubled=doubled,
            cpu={each: (_spent(process) - before[each]) * 1000 / done for each, process in processes.items()},
        )


def _stat(process: int) -> tuple[float, int]:
    """Seconds of processor time of a process and of its children that have ended, and its parent (proc(5))."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(") ")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK"), int(fields[1])


def _spent(process: int) -> float:
    """Seconds of processor time of a process and all of its children."""
    total = _stat(process)[0]
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            spent, parent = _stat(int(entry.name))
            total += spent if parent == process else 0.0
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description="Deferred jobs end to end, beside two references")
    parser.add_argument("--jobs", type=int, default=12000)
    parser.add_argument("--rate", type=float, default=520.0, help="jobs a second that are formed; 0 for all at once")
    parser.add_argument("--asleep", type=int, default=7500, help="jobs that wait beside them")
    parser.add_argument("--references", action="store_true", help="measure the references too")
    given = parser.parse_args()
    found: dict[str, object] = {"ours": asdict(measure(given.jobs, given.rate, given.asleep))}
    if given.references:
        # Celery is in the group `bench` only.
        from tests.services import references as reference

        found |= {"one thread": reference.one_thread(WAIT), "celery": reference.celery(WAIT)}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
