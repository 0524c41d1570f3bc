"""The contract of the store, on PostgreSQL, with each service's own SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Generic, TypeVar
from uuid import uuid4

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from services.batch import Batch
from services.outbox.relay import Message
from services.postgres import Queries, storable
from services.retry import Dead, Delivered, Retry, Verdict

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class _Settlement:
    """took: seconds of the attempt. ended: when it ended, on the monotonic clock."""

    id: object
    attempt: int
    verdict: Verdict
    took: float
    ended: float


class PostgresStore(Generic[M]):
    """Runs the queries `claim`, `next_due`, `settle` and `release`. Verdicts of one moment share one `settle`.

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
        self._settlements = Batch(self._write)

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

    async def settle(self, message: M, verdict: Verdict, took: float) -> None:
        await self._settlements.ask(_Settlement(message.id, message.attempt, verdict, took, monotonic()))

    async def release(self) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(self._queries["release"], {"lease": self._mark})

    async def _write(self, settlements: Sequence[_Settlement]) -> Sequence[None]:
        now = monotonic()
        states = [_state(each.verdict) for each in settlements]
        arguments = {
            "lease": self._mark,
            "ids": [each.id for each in settlements],
            "attempts": [each.attempt for each in settlements],
            "states": [state for state, _, _ in states],
            "afters": [after for _, after, _ in states],
            "reasons": [reason for _, _, reason in states],
            "took": [each.took for each in settlements],
            "waited": [now - each.ended for each in settlements],
        }
        async with self._pool.connection() as connection:
            await connection.execute(self._queries["settle"], arguments)
        return [None] * len(settlements)


def _state(verdict: Verdict) -> tuple[str, float, str | None]:
    """(state, seconds until it is due again, reason)."""
    match verdict:
        case Delivered():
            return "delivered", 0.0, None
        case Dead(reason):
            return "dead", 0.0, storable(reason)
        case Retry(after, reason):
            return "waiting", after, storable(reason)
