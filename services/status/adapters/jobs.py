"""Jobs in PostgreSQL."""

from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from services.journal import correlation_id
from services.postgres import Queries
from services.status.domain.job import Order, Result

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A row of the jobs that is due and ours for now."""

    id: UUID
    stock_id: int
    request_id: int | None
    correlation_id: str
    result: str | None
    attempt: int

    @property
    def key(self) -> str:
        return str(self.id)


class PostgresJobs:
    def __init__(self, pool: Pool, queries: Queries) -> None:
        self._pool = pool
        self._queries = queries

    async def add(self, order: Order, defer: float) -> bool:
        arguments = {
            "id": order.job,
            "stock_id": order.stock_id,
            "request_id": order.request_id,
            "correlation_id": correlation_id(),
            "defer": defer,
        }
        async with self._pool.connection() as connection:
            return (await connection.execute(self._queries["add_job"], arguments)).rowcount == 1

    async def find(self, job: UUID) -> Order | None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(self._queries["find_job"], {"id": job})).fetchone()
        return Order(job, *row) if row else None

    async def record_result(self, job: UUID, result: Result) -> Result:
        arguments = {"id": job, "result": result.value}
        async with self._pool.connection() as connection:
            row = await (await connection.execute(self._queries["record_result"], arguments)).fetchone()
        if row is None:
            raise LookupError(f"job {job} is gone, though no job is ever removed")
        return Result(row[0])
