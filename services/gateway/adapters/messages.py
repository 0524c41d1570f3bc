"""Messages in PostgreSQL, for those who bring them and look after them. Those that come at once share one commit."""

from collections.abc import Sequence
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from services.batch import Batch
from services.gateway.domain.message import Attempt, Channel, Content, DeadLetter, Message, State
from services.gateway.use_cases.ports import Arrival, Kept
from services.postgres import Queries

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]]


class PostgresMessages:
    def __init__(self, pool: Pool, queries: Queries) -> None:
        self._pool = pool
        self._queries = queries
        self._arrivals = Batch(self._add)

    async def add(self, arrival: Arrival) -> Kept:
        return await self._arrivals.ask(arrival)

    async def find(self, message: UUID) -> Message | None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(self._queries["find_message"], {"id": message})).fetchone()
            attempts = await (await connection.execute(self._queries["find_attempts"], {"id": message})).fetchall()
        if row is None:
            return None
        number, channel, to, subject, text, state, accepted_at, due_at, settled_at, reason = row
        return Message(
            id=number,
            content=Content(Channel(channel), to, subject, text),
            state=State(state),
            accepted_at=accepted_at,
            due_at=due_at,
            settled_at=settled_at,
            reason=reason,
            attempts=tuple(Attempt(*each) for each in attempts),
        )

    async def letters(self, most: int, before: int | None) -> Sequence[DeadLetter]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(self._queries["find_letters"], {"most": most, "before": before})
            rows = await cursor.fetchall()
        return [
            DeadLetter(number, place, Channel(channel), to, State(state), reason, attempts, accepted_at, dead_since)
            for number, place, channel, to, state, reason, attempts, accepted_at, dead_since in rows
        ]

    async def redrive(self, message: UUID) -> bool:
        async with self._pool.connection() as connection:
            arguments = {"all": False, "ids": [str(message)]}
            again = (await connection.execute(self._queries["redrive"], arguments)).rowcount > 0
            if again:
                await connection.execute(self._queries["announce_outbox"])
        return again

    async def dismiss(self, message: UUID) -> bool:
        async with self._pool.connection() as connection:
            return (await connection.execute(self._queries["dismiss"], {"id": message})).rowcount > 0

    async def _add(self, arrivals: Sequence[Arrival]) -> Sequence[Kept]:
        arguments = {
            "ids": [each.id for each in arrivals],
            "keys": [each.key for each in arrivals],
            "fingerprints": [each.fingerprint for each in arrivals],
            "channels": [each.content.channel.value for each in arrivals],
            "recipients": [each.content.to for each in arrivals],
            "subjects": [each.content.subject for each in arrivals],
            "bodies": [each.content.text for each in arrivals],
            "correlation_ids": [each.correlation_id for each in arrivals],
        }
        async with self._pool.connection() as connection:
            added = {
                row[0] for row in await (await connection.execute(self._queries["add_messages"], arguments)).fetchall()
            }
            known = {"keys": [each.key for each in arrivals if each.id not in added]}
            rows = (
                await (await connection.execute(self._queries["find_keys"], known)).fetchall() if known["keys"] else []
            )
        found = {key: Kept(message, bytes(fingerprint), new=False) for key, message, fingerprint in rows}
        return [Kept(each.id, each.fingerprint, new=True) if each.id in added else found[each.key] for each in arrivals]
