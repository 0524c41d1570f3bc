"""The inbox: a consumer's memory of the events whose effects it has committed.

Invariant: the mark and the effects are in one transaction, so an event that comes twice has its effects once. A table
`inbox (consumer text, event_id uuid, taken_at timestamptz default now(), primary key (consumer, event_id))` lies in the
schema of the connection's search path. Marks are kept for as long as a broker may deliver an event again.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

__all__ = ["first_time", "first_times"]


async def first_time(connection: AsyncConnection[tuple[Any, ...]], consumer: str, event: UUID) -> bool:
    """Mark the event within the running transaction. False when its effects are there already: do nothing then."""
    cursor = await connection.execute(
        "INSERT INTO inbox (consumer, event_id) VALUES (%s, %s) ON CONFLICT DO NOTHING", (consumer, event)
    )
    return cursor.rowcount == 1


async def first_times(
    connection: AsyncConnection[tuple[Any, ...]], consumer: str, events: Sequence[UUID]
) -> frozenset[UUID]:
    """Mark several events at once; return those whose effects are not there yet."""
    cursor = await connection.execute(
        "INSERT INTO inbox (consumer, event_id) SELECT %s, unnest(%s::uuid[]) ON CONFLICT DO NOTHING"
        " RETURNING event_id",
        (consumer, list(events)),
    )
    return frozenset(row[0] for row in await cursor.fetchall())
