"""Jobs in PostgreSQL. Those that come at the same time share one statement and one commit, and so do results."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from services.batch import Batch
from services.postgres import Queries
from services.status.domain.job import Arrival, Drawn, Order, Progress, Result, stage_of

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A row of the jobs that is due and ours for now."""

    id: UUID
    stock_id: int
    request_id: int | None
    correlation_id: str
    traceparent: str
    received_at: datetime | None
    accepted_at: datetime
    drawn_at: datetime | None
    result: str | None
    attempt: int
    late: float

    @property
    def key(self) -> str:
        return str(self.id)

    @property
    def order(self) -> Order:
        return Order(self.id, self.stock_id, self.request_id)

    @property
    def drawn(self) -> Drawn | None:
        """The result of an attempt before this one. One from before times were kept was drawn when it was accepted."""
        return Drawn(Result(self.result), self.drawn_at or self.accepted_at) if self.result else None


class PostgresJobs:
    """defer: the wait, in seconds."""

    def __init__(self, pool: Pool, queries: Queries, defer: float) -> None:
        self._pool = pool
        self._queries = queries
        self._defer = defer
        # Whoever hands a job over may leave: nothing is kept then that is not kept already.
        self._arrivals = Batch(self._add, forsaken=True)
        self._draws = Batch(self._record)

    async def add(self, order: Order, arrival: Arrival) -> bool:
        return await self._arrivals.ask((order, arrival))

    async def find(self, job: UUID) -> Order | None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(self._queries["find_job"], {"id": job})).fetchone()
        return Order(job, *row) if row else None

    async def record_result(self, job: UUID, result: Result) -> Drawn:
        return await self._draws.ask((job, result))

    async def progress(self, jobs: Collection[UUID]) -> Mapping[UUID, Progress]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(self._queries["progress"], {"ids": list(jobs)})
            rows = await cursor.fetchall()
        found = {}
        for job, state, kept, attempts in rows:
            result = Result(kept) if kept else None
            found[job] = Progress(stage_of(state, result), result, attempts)
        return found

    async def count_waiting(self, most: int) -> int:
        """How many jobs wait; `most` when there are that many or more."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(self._queries["count_waiting"], {"most": most})).fetchone()
        assert row is not None
        return int(row[0])

    async def _add(self, arrivals: Sequence[tuple[Order, Arrival]]) -> Sequence[bool]:
        arguments = {
            "defer": self._defer,
            "ids": [order.job for order, _ in arrivals],
            "stock_ids": [order.stock_id for order, _ in arrivals],
            "request_ids": [order.request_id for order, _ in arrivals],
            "correlation_ids": [arrival.correlation_id for _, arrival in arrivals],
            "traceparents": [arrival.traceparent for _, arrival in arrivals],
            "took": [arrival.took for _, arrival in arrivals],
        }
        async with self._pool.connection() as connection:
            new = {row[0] for row in await (await connection.execute(self._queries["add_jobs"], arguments)).fetchall()}
        answers = []
        for order, _ in arrivals:
            answers.append(order.job in new)
            # Of two in one batch the first is the new one.
            new.discard(order.job)
        return answers

    async def _record(self, draws: Sequence[tuple[UUID, Result]]) -> Sequence[Drawn]:
        arguments = {"ids": [job for job, _ in draws], "results": [result.value for _, result in draws]}
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(self._queries["record_results"], arguments)).fetchall()
        kept = {job: Drawn(Result(result), at) for job, result, at in rows}
        return [kept[job] for job, _ in draws]
