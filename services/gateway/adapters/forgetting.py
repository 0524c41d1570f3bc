"""Forgetting in PostgreSQL: what is done with, after a while."""

from dataclasses import dataclass

from services.gateway.adapters.messages import Pool
from services.postgres import Queries

# Messages at once. Nobody accepts meanwhile: a few milliseconds.
MOST = 500


@dataclass(frozen=True, slots=True)
class Keeping:
    """Days for which messages are kept that are sent or dismissed; and keys, counted from when they were accepted."""

    messages: int
    keys: int


class PostgresForgetting:
    def __init__(self, pool: Pool, queries: Queries, keeping: Keeping) -> None:
        self._pool = pool
        self._queries = queries
        self._keeping = keeping

    async def forget(self) -> tuple[int, int]:
        """Forget some of what is old enough: how many messages, and how many keys. None of both: there is no more."""
        arguments = {"messages_days": self._keeping.messages, "keys_days": self._keeping.keys, "most": MOST}
        async with self._pool.connection() as connection:
            row = await (await connection.execute(self._queries["forget"], arguments)).fetchone()
        assert row
        messages, keys = row
        return messages, keys
