"""Puts the parts of the statistics service together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services import metrics
from services.broker import Consumer, open_broker
from services.postgres import UNAVAILABLE, Queries
from services.registration import STATISTICS, TOPIC
from services.stats.adapters.counts import work_on
from services.stats.entrypoints.registrations import handler
from services.stats.settings import StatsSettings

POOL_SIZE = 4


@asynccontextmanager
async def wired(settings: StatsSettings) -> AsyncIterator[Consumer]:
    """The consumer, not yet running. A database or a broker that is away at the start is waited for."""
    pool = settings.database.pool("sallyport-stats", POOL_SIZE)
    broker = open_broker(settings.broker)
    handle = handler(work_on(pool, Queries.of_package("services.stats")))
    await pool.open(wait=False)
    metrics.watch_pool(pool)
    try:
        yield Consumer(broker, TOPIC, STATISTICS, handle, unavailable=UNAVAILABLE)
    finally:
        await broker.close()
        await pool.close()
