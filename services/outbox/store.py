"""The contract of the store, on PostgreSQL, with each service's own SQL."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar
from uuid import uuid4

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from services.outbox.relay import Message
from services.postgres import Queries
from services.retry import Dead, Delivered, Retry, Verdict

M = TypeVar("M", bound=Message)


class PostgresStore(Generic[M]):
    """Runs the queries `claim`, `next_due`, `settle`, `postpone` and `release`.

    row: the class of a claimed row; its `id` and `attempt` name the claim.
    lease: seconds that a claim holds; longer than any attempt takes.
    """

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]], queries: Queries, row: type[M], lease: float
    ) -> None:
        self._pool = pool
        self._queries = queries
        self._row = row
        self._lease = lease
        # All claims of this process carry one mark, so that it can give them all back.
        self._mark = uuid4()

    async def claim(self, most: int) -> Sequence[M]:
        arguments = {"most": most, "lease": self._mark, "lease_seconds": self._lease}
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(self._row)) as cursor,
        ):
            return await (await cursor.execute(self._queries["claim"], arguments)).fetchall()

    async def next_due(self) -> float | None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(self._queries["next_due"])).fetchone()
        return row[0] if row else None

    async def settle(self, message: M, verdict: Verdict) -> None:
        claim: dict[str, object] = {"id": message.id, "lease": self._mark, "attempt": message.attempt}
        match verdict:
            case Delivered():
                await self._execute("settle", claim | {"state": "delivered", "reason": None})
            case Dead(reason):
                await self._execute("settle", claim | {"state": "dead", "reason": reason})
            case Retry(after, reason):
                await self._execute("postpone", claim | {"after": after, "reason": reason})

    async def release(self) -> None:
        await self._execute("release", {"lease": self._mark})

    async def _execute(self, query: str, arguments: dict[str, object]) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(self._queries[query], arguments)
