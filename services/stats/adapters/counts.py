"""The counts in PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from services import inbox
from services.postgres import Queries
from services.registration import STATISTICS, VERSION
from services.stats.use_cases.ports import Work

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]
Pool: TypeAlias = AsyncConnectionPool[Connection]


class PostgresCounts:
    def __init__(self, connection: Connection, queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    async def first_time(self, event: UUID) -> bool:
        return await inbox.first_time(self._connection, STATISTICS, event)

    async def add(self, occurred_at: datetime) -> None:
        await self._connection.execute(self._queries["count_registration"], {"occurred_at": occurred_at})

    async def total(self) -> int:
        row = await (await self._connection.execute(self._queries["total"])).fetchone()
        assert row is not None
        return int(row[0])

    async def clear(self) -> None:
        await self._connection.execute(self._queries["hold_consumers"])
        await self._connection.execute(self._queries["forget_counts"])
        await self._connection.execute(self._queries["forget_inbox"], {"consumer": STATISTICS})

    async def take_log(self) -> None:
        await self._connection.execute(self._queries["take_log"], {"consumer": STATISTICS, "version": VERSION})


def work_on(pool: Pool, queries: Queries) -> Work:
    """Transactions on connections of `pool`."""

    @asynccontextmanager
    async def work() -> AsyncIterator[PostgresCounts]:
        async with pool.connection() as connection:
            yield PostgresCounts(connection, queries)

    return work
