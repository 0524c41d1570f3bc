"""The feed's log in PostgreSQL."""

from services.feed import Event
from services.main.adapters.unit import Pool
from services.postgres import Queries

# Events that are numbered, or read, in one step.
AT_ONCE = 5000


class PostgresFeed:
    """Numbers events, and reads them.

    Writers do not announce their events: NOTIFY takes a lock that is held until the commit has reached the disk, so all
    commits would queue. Only the numbering step announces, once for all that it numbered.
    """

    def __init__(self, pool: Pool, queries: Queries) -> None:
        self._pool = pool
        self._queries = queries

    async def number(self) -> int:
        """Give the committed events their numbers, AT_ONCE at most. How many there were."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(self._queries["lock_feed"])).fetchone()
            assert row is not None
            last, same_origin, origin = row
            if not same_origin:
                await connection.execute(self._queries["begin_epoch"], {"origin": origin})
            arguments = {"last": last, "most": AT_ONCE}
            row = await (await connection.execute(self._queries["number_events"], arguments)).fetchone()
            if row is not None or not same_origin:
                await connection.execute(self._queries["announce_feed"])
            return int(row[0] - last) if row is not None else 0

    async def read(self, after: int) -> tuple[str, int, list[Event]]:
        """The epoch, the newest number, and the events after a number, AT_ONCE at most."""
        async with self._pool.connection() as connection:
            arguments = {"after": after, "most": AT_ONCE}
            rows = await (await connection.execute(self._queries["read_feed"], arguments)).fetchall()
        return rows[0][0], rows[0][1], [Event(*row[2:]) for row in rows if row[2] is not None]

    async def forget(self, kept: int) -> None:
        """Keep the newest events only, as many as `kept`."""
        async with self._pool.connection() as connection:
            await connection.execute(self._queries["forget_events"], {"kept": kept})
