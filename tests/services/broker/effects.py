"""What a consumer does to the world, as rows: each event once, and in which order. Real PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from services.broker import Event
from services.inbox import first_times
from tests.services.cluster import Cluster

_TABLES = """
CREATE TABLE outbox (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id uuid NOT NULL UNIQUE, body bytea NOT NULL,
    sent_at timestamptz
);
CREATE INDEX ON outbox (number) WHERE sent_at IS NULL;
CREATE TABLE inbox (
    consumer text, event_id uuid, taken_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (consumer, event_id)
);
CREATE TABLE effects (
    number bigint GENERATED ALWAYS AS IDENTITY, consumer text NOT NULL, event_id uuid NOT NULL, key text NOT NULL,
    place bigint NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE deliveries (consumer text NOT NULL, event_id uuid NOT NULL);
"""


@dataclass(frozen=True)
class Effects:
    """The tables of one test. `conninfo` is for processes that the test starts."""

    conninfo: str

    @classmethod
    def make(cls, cluster: Cluster, database: str) -> "Effects":
        with cluster.connect(database) as connection:
            connection.execute(_TABLES)
        return cls(psycopg.conninfo.make_conninfo(**cluster.arguments("postgres", database)))

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.conninfo, autocommit=True)

    def store(self, events: Sequence[Event]) -> None:
        """Put events into the outbox, as the state change of a service would."""
        with self.connect() as connection, connection.cursor() as cursor:
            rows = [(event.id, event.encode()) for event in events]
            cursor.executemany("INSERT INTO outbox (event_id, body) VALUES (%s, %s)", rows)

    def count(self, consumer: str) -> int:
        return int(self._number("SELECT count(*) FROM effects WHERE consumer = %s", consumer))

    def unsent(self) -> int:
        """How many events no broker has confirmed yet."""
        return int(self._number("SELECT count(*) FROM outbox WHERE sent_at IS NULL"))

    def longest_pause(self, consumer: str) -> float:
        """The longest time between two effects in a row (seconds, by the database's clock)."""
        query = """
            SELECT coalesce(extract(epoch FROM max(gap)), 0)
            FROM (SELECT at - lag(at) OVER (ORDER BY number) AS gap FROM effects WHERE consumer = %s) AS gaps"""
        return self._number(query, consumer)

    def rate(self, consumer: str) -> float:
        """Effects a second, from the first to the last."""
        query = """
            SELECT (count(*) - 1) / extract(epoch FROM max(at) - min(at)) FROM effects WHERE consumer = %s"""
        return self._number(query, consumer)

    def of(self, consumer: str) -> list[tuple[UUID, str, int]]:
        """Event, key and place in the key's order, in the order in which the effects were committed."""
        with self.connect() as connection:
            query = "SELECT event_id, key, place FROM effects WHERE consumer = %s ORDER BY number"
            return [(row[0], row[1], row[2]) for row in connection.execute(query, (consumer,)).fetchall()]

    def deliveries(self, consumer: str) -> int:
        """How often an event was handed to the handler, duplicates included."""
        return int(self._number("SELECT count(*) FROM deliveries WHERE consumer = %s", consumer))

    def _number(self, query: LiteralString, *given: object) -> float:
        with self.connect() as connection:
            row = connection.execute(query, given).fetchone()
        assert row is not None
        return float(row[0])


async def apply(
    connection: psycopg.AsyncConnection[tuple[Any, ...]], consumer: str, events: Sequence[Event]
) -> Sequence[None]:
    """Handle events that came at the same time, each of another key: inbox and effects in one transaction."""
    ids = [event.id for event in events]
    await connection.execute("INSERT INTO deliveries SELECT %s, unnest(%s::uuid[])", (consumer, ids))
    async with connection.transaction():
        new = await first_times(connection, consumer, ids)
        rows = [event for event in events if event.id in new]
        await connection.execute(
            "INSERT INTO effects (consumer, event_id, key, place)"
            " SELECT %s, * FROM unnest(%s::uuid[], %s::text[], %s::bigint[])",
            (
                consumer,
                [event.id for event in rows],
                [event.key for event in rows],
                [event.payload["place"] for event in rows],
            ),
        )
    return [None] * len(events)
