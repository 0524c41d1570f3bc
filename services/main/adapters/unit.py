"""Transactions on PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import sha256
from hmac import digest
from typing import Any, TypeAlias

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from services.journal import correlation_id
from services.main.domain.request import Handover, Item, Report, Request, Result, State
from services.main.domain.stock import Stock
from services.main.domain.user import Role, User
from services.main.use_cases.ports import Work
from services.postgres import Queries
from services.settings import Secret

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]
Pool: TypeAlias = AsyncConnectionPool[Connection]

# Seconds that a session lasts.
SESSION_LIFETIME = 8 * 3600.0


class PostgresStocks:
    def __init__(self, connection: Connection, queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    async def all(self) -> Sequence[Stock]:
        async with self._connection.cursor(row_factory=class_row(Stock)) as cursor:
            return await (await cursor.execute(self._queries["list_stocks"])).fetchall()

    async def find(self, stock_id: int) -> Stock | None:
        async with self._connection.cursor(row_factory=class_row(Stock)) as cursor:
            return await (await cursor.execute(self._queries["find_stock"], {"stock_id": stock_id})).fetchone()


class PostgresUsers:
    """Session tokens are kept as keyed digests: who reads or writes the table alone cannot make a session."""

    def __init__(self, connection: Connection, queries: Queries, session_key: Secret) -> None:
        self._connection = connection
        self._queries = queries
        self._session_key = session_key

    async def find(self, name: str) -> tuple[User, str] | None:
        row = await (await self._connection.execute(self._queries["find_user"], {"name": name})).fetchone()
        return (User(row[0], row[1], Role(row[2])), row[3]) if row else None

    async def of_session(self, token: str) -> User | None:
        arguments = {"token_digest": self._digest(token)}
        row = await (await self._connection.execute(self._queries["find_session_user"], arguments)).fetchone()
        return User(row[0], row[1], Role(row[2])) if row else None

    async def open_session(self, user: User, token: str) -> None:
        await self._connection.execute(self._queries["forget_expired_sessions"])
        await self._connection.execute(
            self._queries["open_session"],
            {"token_digest": self._digest(token), "user_id": user.id, "lifetime": SESSION_LIFETIME},
        )

    async def close_session(self, token: str) -> None:
        await self._connection.execute(self._queries["close_session"], {"token_digest": self._digest(token)})

    def _digest(self, token: str) -> bytes:
        return digest(self._session_key.reveal().encode(), token.encode(), sha256)


class PostgresRequests:
    def __init__(self, connection: Connection, queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    async def draft_of(self, creator: User) -> int | None:
        return await self._draft("find_draft", creator)

    async def open_draft(self, creator: User) -> int:
        # Between the two statements the draft may be formed by another call: then there is none, and we open the next.
        while True:
            await self._connection.execute(self._queries["open_draft"], {"creator_id": creator.id})
            draft = await self._draft("lock_draft", creator)
            if draft is not None:
                return draft

    async def add_item(self, request_id: int, stock_id: int) -> bool:
        arguments = {"request_id": request_id, "stock_id": stock_id}
        return (await self._connection.execute(self._queries["add_item"], arguments)).rowcount == 1

    async def find(self, request_id: int) -> Request | None:
        return await self._request("find_request", request_id)

    async def lock(self, request_id: int) -> Request | None:
        return await self._request("lock_request", request_id)

    async def mark_formed(self, handovers: Sequence[Handover]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.execute(self._queries["mark_formed"], {"request_id": handovers[0].request_id})
            await cursor.executemany(
                self._queries["assign_job"],
                [{"job": each.job, "request_id": each.request_id, "stock_id": each.stock_id} for each in handovers],
            )

    async def set_result(self, report: Report) -> bool:
        arguments = self._of_report(report) | {"result": report.result.value}
        return (await self._connection.execute(self._queries["set_result"], arguments)).rowcount == 1

    async def result_of(self, report: Report) -> tuple[bool, Result | None]:
        query = self._queries["find_job_item"]
        row = await (await self._connection.execute(query, self._of_report(report))).fetchone()
        return row is not None, Result(row[0]) if row and row[0] else None

    async def _draft(self, query: str, creator: User) -> int | None:
        row = await (await self._connection.execute(self._queries[query], {"creator_id": creator.id})).fetchone()
        return row[0] if row else None

    async def _request(self, query: str, request_id: int) -> Request | None:
        arguments = {"request_id": request_id}
        row = await (await self._connection.execute(self._queries[query], arguments)).fetchone()
        if row is None:
            return None
        items = await (await self._connection.execute(self._queries["list_items"], arguments)).fetchall()
        return Request(
            id=row[0],
            creator_id=row[1],
            creator=row[2],
            state=State(row[3]),
            formed_at=row[4],
            items=[
                Item(
                    stock_id=item[0],
                    company=item[1],
                    price=item[2],
                    quantity=item[3],
                    result=Result(item[4]) if item[4] else None,
                )
                for item in items
            ],
        )

    @staticmethod
    def _of_report(report: Report) -> dict[str, object]:
        return {"job": report.job, "stock_id": report.stock_id, "request_id": report.request_id}


class PostgresOutbox:
    def __init__(self, connection: Connection, queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    async def add(self, handovers: Sequence[Handover]) -> None:
        rows = [
            {
                "topic": "set-status",
                "payload": Jsonb({"pk": each.stock_id, "job": str(each.job), "request": each.request_id}),
                "correlation_id": correlation_id(),
            }
            for each in handovers
        ]
        async with self._connection.cursor() as cursor:
            await cursor.executemany(self._queries["add_to_outbox"], rows)
            await cursor.execute(self._queries["announce_outbox"])


class PostgresReceipts:
    def __init__(self, connection: Connection, queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    async def keep(self, message_id: str, signed_at: datetime) -> bool:
        arguments = {"message_id": message_id, "signed_at": signed_at}
        return (await self._connection.execute(self._queries["keep_receipt"], arguments)).rowcount == 1


class PostgresUnit:
    """One transaction, seen as the ports that share it."""

    def __init__(self, connection: Connection, queries: Queries, session_key: Secret) -> None:
        self.stocks = PostgresStocks(connection, queries)
        self.users = PostgresUsers(connection, queries, session_key)
        self.requests = PostgresRequests(connection, queries)
        self.outbox = PostgresOutbox(connection, queries)
        self.receipts = PostgresReceipts(connection, queries)


def work_on(pool: Pool, queries: Queries, session_key: Secret) -> Work:
    """Transactions on connections of `pool`."""

    @asynccontextmanager
    async def work() -> AsyncIterator[PostgresUnit]:
        async with pool.connection() as connection:
            yield PostgresUnit(connection, queries, session_key)

    return work
