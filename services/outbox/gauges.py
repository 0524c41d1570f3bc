"""The state of a queue, for the metrics."""

import asyncio
from contextlib import suppress
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from services import metrics
from services.postgres import UNAVAILABLE, Queries

# Seconds between two looks.
INTERVAL = 5.0


async def keep_gauges(pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]], queries: Queries) -> None:
    """Run the query `gauge` again and again, until cancelled. While the database is away the last state stays."""
    while True:
        with suppress(*UNAVAILABLE):
            async with pool.connection() as connection:
                row = await (await connection.execute(queries["gauge"])).fetchone()
            if row:
                metrics.set_queue(*row)
        await asyncio.sleep(INTERVAL)
