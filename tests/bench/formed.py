"""Requests that a creator forms from the visitor's host, until their results are there: through edge, TLS and nginx."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from network.check.shell import Shell
from network.check.ssh import reachable
from network.command.answers import ssh_config
from network.drill.ledger import Ledger, query, settle
from network.drill.load import visit
from network.drill.run import USER
from network.errors import Problem, UserError
from network.lab.state import ROOT
from network.read import load
from tests.bench.row import Row
from tests.fleet import secret, state_directory

# Jobs in each request, requests a second, and for how long: one creator's calls come one after the other.
ITEMS, RATE, SECONDS = 100, 5.2, 20.0
# Jobs that wait beside them, for much later.
ASLEEP = 7500
WAIT = 5.0
SETTLING = 120.0

_PREPARE = """
INSERT INTO main.stocks (company, price, is_growing, description, picture)
SELECT 'Bench ' || number, 1, true, 'For the measurement', (SELECT min(picture) FROM main.stocks)
FROM generate_series(1, :stocks) AS number;
INSERT INTO status.jobs (id, stock_id, correlation_id, due_at)
SELECT gen_random_uuid(), 1, 'bench-asleep', now() + interval '1 day' FROM generate_series(1, :asleep);
"""
_MEND = """
UPDATE main.stocks SET status = 'deleted' WHERE company LIKE 'Bench %' AND status = 'active';
DELETE FROM status.jobs WHERE correlation_id = 'bench-asleep';
"""

_FOUND = """
SELECT json_build_object(
    'rate', count(*) / greatest(extract(epoch FROM max(settled_at) - min(settled_at)), 0.001),
    'late', percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM settled_at - accepted_at))
)
FROM status.jobs
WHERE request_id = ANY (string_to_array(:'ids', ',')::bigint[]) AND state = 'delivered';
"""


@dataclass(frozen=True)
class Found:
    """rate: results a second. late: seconds after a result was due, for 99 of 100. again: calls made once more."""

    ledger: Ledger
    rate: float
    late: float
    again: int


def measure() -> list[Row]:
    """Return rate and lateness under load, beside a single job. Raises UserError without a lab, and RemoteError."""
    model = load(ROOT / "network/policy.yml", ROOT / "inventory/lab")
    shells = reachable(model.fleet.hosts, ssh_config(model))
    groups = model.fleet.groups
    visitor, database = (shells[groups[group][0]] for group in ("visitor", "db"))
    password = secret(state_directory(model.fleet.environment), f"app_user_{USER}").text

    def form(items: int, seconds: float, every: float) -> Found:
        seen = visit(visitor, model, USER, password, seconds, items=items, every=every)
        if seen.error or seen.unanswered:
            raise UserError(_failed(seen.error or f"{seen.unanswered} calls were not answered"))
        ledger = settle(database, seen.accepted, SETTLING)
        said = json.loads(query(database, _FOUND, ids=",".join(map(str, seen.accepted))))
        return Found(ledger, float(said["rate"]), float(said["late"]) - WAIT, seen.tries)

    with _prepared(database):
        alone = form(1, 3.0, 1.0)
        ours = form(ITEMS, SECONDS, 1 / RATE)
    beside = "a job a second"
    return [
        Row(
            f"jobs done, {ITEMS} formed at a time from the visitor's host", ours.rate, "jobs/s", beside, None, ">= 500"
        ),
        Row("lateness p99", ours.late * 1000, "ms", beside, alone.late * 1000, "< 250 ms"),
        Row("jobs lost or done twice", ours.ledger.lost + ours.ledger.doubled, "jobs", "-", None, "0"),
        Row("calls that had to be made again", ours.again, "calls", beside, alone.again, "told"),
    ]


@contextmanager
def _prepared(database: Shell) -> Iterator[None]:
    """Have enough stocks, and many jobs that wait, for as long as the block runs."""
    query(database, _MEND)
    query(database, _PREPARE, stocks=str(ITEMS), asleep=str(ASLEEP))
    try:
        yield
    finally:
        query(database, _MEND)


def _failed(found: str) -> Problem:
    return Problem("sallyport bench formed", found, "every request must be formed", "see the journal of the web host")
