"""Applies migrations to a database."""

from collections.abc import Sequence
from typing import LiteralString

import psycopg
from psycopg import sql

from services.migration.files import Migration, pending
from services.postgres import Database

_TABLE: LiteralString = """
CREATE TABLE IF NOT EXISTS migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


def migrate(database: Database, migrations: Sequence[Migration]) -> list[str]:
    """Bring the schema of `database` up to date, as its owner. Returns the names of what was applied, in order.

    Another run at the same time waits (60 s at most) and then finds nothing to do.
    """
    schema = sql.Identifier(database.schema)
    with psycopg.connect(
        **database.arguments("sallyport-migrate", statement_timeout=60.0), autocommit=True
    ) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"migrations of {database.schema}"])
        # CREATE SCHEMA IF NOT EXISTS asks for the right to create even when the schema is there.
        if not connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", [database.schema]).rowcount:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        if not connection.execute("SELECT WHERE to_regclass('migrations') IS NOT NULL").rowcount:
            connection.execute(_TABLE)
        applied = dict(connection.execute("SELECT number, checksum FROM migrations").fetchall())
        missing = pending(migrations, applied)
        for migration in missing:
            with connection.transaction():
                connection.execute(migration.text.encode())
                connection.execute(
                    "INSERT INTO migrations (number, name, checksum) VALUES (%s, %s, %s)",
                    [migration.number, migration.name, migration.checksum],
                )
        return [migration.name for migration in missing]
