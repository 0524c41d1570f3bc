"""Hands deferred jobs from the outbox to the async service: `python -m services.main.relay`.

Killed at any moment it loses nothing: a message is settled only after the async service has answered, and one that was
sent but not settled is sent again when its lease runs out; the async service knows a job by its id.
"""

import asyncio
import logging
from contextlib import suppress
from time import monotonic

import uvloop

from services import cancellation, garbage, journal, metrics
from services.main.adapters.hand_over import open_way
from services.main.adapters.outbox import OutboxMessage
from services.main.settings import RelaySettings
from services.outbox import Pace, PostgresStore, Relay, keep_gauges
from services.postgres import UNAVAILABLE, Queries, listen
from services.retry import Answered, Backoff, Delivered, Outcome
from services.settings import load
from services.tracing import Step, TraceContext, Tracing
from services.transport import stop_on_signal

logger = logging.getLogger(__name__)

# Seconds between two rounds of housekeeping.
HOUSEKEEPING = 600.0


async def run(settings: RelaySettings) -> None:
    pace = Pace.within(settings.lease)
    queries = Queries.of_package("services.main")
    tracing = Tracing("relay", settings.environment, settings.collector, settings.ca)
    async with (
        settings.database.pool("sallyport-relay", 4, autocommit=True) as pool,
        open_way(settings, pace.concurrency) as way,
    ):

        async def send(message: OutboxMessage) -> Outcome:
            formed = TraceContext.parse(message.traceparent) or TraceContext.new()
            trace = formed.step(Step.HAND_OVER, message.key)
            began = monotonic()
            outcome = await way.send(message, trace.traceparent)
            if isinstance(outcome, Answered | Delivered):
                request_id = message.correlation_id
                took = monotonic() - began
                # Only HTTP has a status.
                status = {"status": outcome.status} if isinstance(outcome, Answered) else {}
                tracing.record(Step.HAND_OVER, message.key, formed, took=took, request_id=request_id)
                tracing.record(Step.ANSWERED, message.key, trace, request_id=request_id, **status)
            return outcome

        async def keep_house() -> None:
            while True:
                with suppress(*UNAVAILABLE):
                    async with pool.connection() as connection:
                        await connection.execute(queries["forget_receipts"])
                await asyncio.sleep(HOUSEKEEPING)

        relay = Relay(
            PostgresStore(pool, queries, OutboxMessage, settings.lease),
            send,
            abandon=way.abandon,
            unavailable=UNAVAILABLE,
            backoff=Backoff(),
            pace=pace,
        )
        stop_on_signal(relay.stop)
        metrics.watch_pool(pool)
        logger.info("relay started")
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(listen(settings.database, "sallyport-relay-listen", b"main_outbox", relay.wake)),
                tasks.create_task(keep_house()),
                tasks.create_task(keep_gauges(pool, queries)),
            ]
            await relay.run()
            for helper in helpers:
                helper.cancel()
        tracing.close()
        logger.info("relay stopped")


def main() -> None:
    settings = load(RelaySettings.read)
    journal.configure("relay", settings.environment)
    garbage.look_rarely()
    cancellation.mend_wait_for()
    with metrics.serve(settings.metrics_port):
        uvloop.run(run(settings))


if __name__ == "__main__":
    main()
