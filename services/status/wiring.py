"""Puts the parts of the async service together. `parts` opens what they need, and closes it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from services import metrics
from services.loops import lasting
from services.outbox import Pace, PostgresStore, Relay, keep_gauges
from services.postgres import UNAVAILABLE, Queries
from services.retry import Backoff, Outcome
from services.signing import SigningKey
from services.status.adapters.callback import HttpCallback
from services.status.adapters.jobs import ClaimedJob, Pool, PostgresJobs
from services.status.admission import Admission
from services.status.domain.job import Report
from services.status.settings import StatusSettings
from services.status.use_cases.report import result_of
from services.status.watching import Watching
from services.tracing import Step, TraceContext, Tracing
from services.transport import Bearer, tls_client

POOL_SIZE = 10

# Never again within a second: signatures count time in whole seconds, and the same one twice is refused as a replay.
BACKOFF = Backoff(base=2.0, most=30.0, least=1.0)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the entry points work with. set_status_token: None where jobs come by the broker, and nobody calls."""

    pool: Pool
    queries: Queries
    jobs: PostgresJobs
    relay: Relay[ClaimedJob]
    admission: Admission
    watching: Watching
    set_status_token: Bearer | None
    tracing: Tracing
    defer: float

    async def ready(self) -> None:
        """Return if the database answers and has our tables; else raise one of UNAVAILABLE."""
        async with self.pool.connection(timeout=2.0) as connection:
            await connection.execute(self.queries["ready"])


@asynccontextmanager
async def wired(settings: StatusSettings) -> AsyncIterator[Parts]:
    """The parts, while the block runs. A database that is away at the start makes us unready, not dead."""
    queries = Queries.of_package("services.status")
    pool = settings.database.pool("sallyport-status", POOL_SIZE, autocommit=True)
    pace = Pace.within(settings.lease)
    jobs = PostgresJobs(pool, queries, settings.defer)
    tracing = Tracing("status", settings.environment, settings.collector, settings.ca)
    admission = Admission(jobs.count_waiting, settings.backlog)
    watching = Watching(jobs.progress)
    async with tls_client(settings.ca, pace.concurrency) as client:
        key = SigningKey(settings.callback_signing_key.reveal())
        callback = HttpCallback(client, settings.callback_url, settings.callback_token, key)

        async def send(job: ClaimedJob) -> Outcome:
            drawn = await result_of(jobs, job.order, job.drawn, settings.seed)
            came = TraceContext.parse(job.traceparent)
            trace = tracing.record(
                Step.DEFERRED_ACTION,
                job.key,
                came.step(Step.ACCEPTED, job.key) if came else None,
                took=(drawn.at - job.accepted_at).total_seconds(),
                request_id=job.correlation_id,
            )
            return await callback.put(
                Report(job.order, drawn, job.received_at, job.accepted_at, came is not None), trace
            )

        relay = Relay(
            PostgresStore(pool, queries, ClaimedJob, settings.lease),
            send,
            abandon=client.abandon,
            unavailable=UNAVAILABLE,
            backoff=BACKOFF,
            pace=pace,
        )
        token = Bearer(settings.set_status_token) if settings.set_status_token else None
        await pool.open(wait=False)
        metrics.watch_pool(pool)
        loops = (admission.watch, watching.run, partial(keep_gauges, pool, queries))
        helpers = [asyncio.create_task(lasting(loop)) for loop in loops]
        try:
            yield Parts(pool, queries, jobs, relay, admission, watching, token, tracing, settings.defer)
        finally:
            for helper in helpers:
                helper.cancel()
                with suppress(asyncio.CancelledError):
                    await helper
            await pool.close()
            tracing.close()
