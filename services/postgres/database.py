"""One database as one role sees it."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from services.settings import Secret, Source

# "Not now": no connection, shut down, out of space, a lock or statement timeout, a server that is read-only for now.
# Trying again later may help.
UNAVAILABLE: tuple[type[Exception], ...] = (
    psycopg.OperationalError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
    PoolTimeout,
    PoolClosed,
    TooManyRequests,
)


@dataclass(frozen=True, slots=True)
class Database:
    """Connection settings. The server must prove its name with a certificate of our CA (sslmode verify-full)."""

    host: str
    port: int
    name: str
    user: str
    password: Secret
    ca: Path
    schema: str

    @classmethod
    def read(cls, source: Source, schema: str) -> "Database":
        return cls(
            host=source.text("SP_DATABASE_HOST"),
            port=source.port("SP_DATABASE_PORT", 5432),
            name=source.text("SP_DATABASE_NAME", "sallyport"),
            user=source.text("SP_DATABASE_USER"),
            password=source.secret("database_password"),
            ca=source.file("SP_CA_FILE"),
            schema=schema,
        )

    def arguments(self, application: str, *, statement_timeout: float = 5.0) -> dict[str, Any]:
        """What `psycopg.connect` takes (libpq's keywords). `statement_timeout` in seconds; 0 for none."""
        session = {
            "search_path": self.schema,
            "statement_timeout": round(statement_timeout * 1000),
            "lock_timeout": round(statement_timeout * 500),
            "idle_in_transaction_session_timeout": 30_000,
        }
        return {
            "host": self.host,
            "port": self.port,
            "dbname": self.name,
            "user": self.user,
            "password": self.password.reveal(),
            "sslmode": "verify-full",
            "sslrootcert": str(self.ca),
            "application_name": application,
            "options": " ".join(f"-c {key}={value}" for key, value in session.items()),
            # A cut network is noticed within about ten seconds, not after hours.
            "connect_timeout": 5,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
        }

    def pool(
        self, application: str, size: int, *, autocommit: bool = False, statement_timeout: float = 5.0
    ) -> AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]]:
        """A pool, not yet open. It waits 3 s for a free connection, then raises PoolTimeout.

        autocommit: each statement is a transaction of its own, which spares two ways to the server and back. For a
        service whose every deed is one statement. statement_timeout: seconds.
        """
        sweeps: set[asyncio.Task[None]] = set()

        async def check(connection: AsyncConnection[tuple[Any, ...]]) -> None:
            try:
                await AsyncConnectionPool.check_connection(connection)
            except Exception:
                # The server was restarted, most likely, and the other connections are lost as well: replace them now.
                # By itself the pool would try one after the other, with pauses that grow past its own patience.
                if not sweeps:
                    sweeps.add(sweep := asyncio.create_task(pool.check()))
                    sweep.add_done_callback(sweeps.discard)
                raise

        pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]] = AsyncConnectionPool(
            kwargs=self.arguments(application, statement_timeout=statement_timeout) | {"autocommit": autocommit},
            min_size=1,
            max_size=size,
            timeout=3.0,
            reconnect_timeout=30.0,
            check=check,
            open=False,
            name=application,
        )
        return pool
