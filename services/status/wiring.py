"""Puts the parts of the async service together. Nothing is opened here; `opened` does that."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from services.outbox import Pace, PostgresStore, Relay
from services.postgres import UNAVAILABLE, Queries
from services.retry import Backoff, Outcome
from services.signing import SigningKey
from services.status.adapters.callback import HttpCallback
from services.status.adapters.jobs import ClaimedJob, Pool, PostgresJobs
from services.status.domain.job import Order, Result
from services.status.settings import StatusSettings
from services.status.use_cases.report import report
from services.transport import Bearer, tls_client

POOL_SIZE = 10

# Never again within a second: signatures count time in whole seconds, and the same one twice is refused as a replay.
BACKOFF = Backoff(base=2.0, most=30.0, least=1.0)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the entry points work with."""

    pool: Pool
    client: httpx.AsyncClient
    queries: Queries
    jobs: PostgresJobs
    relay: Relay[ClaimedJob]
    set_status_token: Bearer
    defer: float


def wire(settings: StatusSettings) -> Parts:
    queries = Queries.of_package("services.status")
    pool = settings.database.pool("sallyport-status", POOL_SIZE)
    jobs = PostgresJobs(pool, queries)
    pace = Pace.within(settings.lease)
    client = tls_client(settings.ca, pace.concurrency)
    key = SigningKey(settings.callback_signing_key.reveal())
    callback = HttpCallback(client, settings.callback_url, settings.callback_token, key)

    async def send(job: ClaimedJob) -> Outcome:
        order = Order(job.id, job.stock_id, job.request_id)
        return await report(jobs, callback, order, Result(job.result) if job.result else None, settings.seed)

    store = PostgresStore(pool, queries, ClaimedJob, settings.lease)
    return Parts(
        pool=pool,
        client=client,
        queries=queries,
        jobs=jobs,
        relay=Relay(store, send, unavailable=UNAVAILABLE, backoff=BACKOFF, pace=pace),
        set_status_token=Bearer(settings.set_status_token),
        defer=settings.defer,
    )


@asynccontextmanager
async def opened(parts: Parts) -> AsyncIterator[None]:
    """Open the pool in the background: a database that is away at the start makes us unready, not dead."""
    await parts.pool.open(wait=False)
    try:
        yield
    finally:
        await parts.client.aclose()
        await parts.pool.close()
