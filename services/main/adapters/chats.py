"""Chats in PostgreSQL."""

from collections.abc import Mapping, Sequence, Set
from datetime import UTC, datetime
from typing import Any, TypeAlias

from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import class_row

from services.main.domain.chat import Entry, Kind, Ledger, Mark, Message, Operation, Standing
from services.postgres import Queries

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]


class PostgresChats:
    def __init__(self, connection: Connection, queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    async def begin(self, request_id: int) -> int:
        arguments = {"request_id": request_id}
        # First look: whoever comes later need not write.
        while not (rows := await self._rows("chat_last", arguments)):
            await self._connection.execute(self._queries["begin_chat"], arguments)
        return int(rows[0][0])

    async def ledger(self, operations: Sequence[Operation]) -> Ledger:
        request_ids = sorted({each.request_id for each in operations})
        changed = sorted({(each.request_id, each.message) for each in operations if each.message is not None})
        # One journey for all three. What others have committed before they let go of the lock is seen, for each is a
        # statement of its own.
        async with self._connection.pipeline():
            locking = await self._run("lock_chats", {"request_ids": request_ids})
            finding = await self._run(
                "find_sent",
                {
                    "request_ids": [each.request_id for each in operations],
                    "author_ids": [each.author.id for each in operations],
                    "client_ids": [each.client_id for each in operations],
                },
            )
            standing = await self._run("find_standings", _of_messages(changed)) if changed else None
            locked, sent = await locking.fetchall(), await finding.fetchall()
            standings = await standing.fetchall() if standing else []
        # Without a chat there is no entry either, and nothing that happens now.
        now = locked[0][2] if locked else datetime.now(UTC)
        return Ledger(
            {request_id: last for request_id, last, _ in locked},
            {(request_id, author_id, client_id): seq for request_id, author_id, client_id, seq in sent},
            {(row[0], row[1]): Standing(row[2], row[3], row[4]) for row in standings},
            now,
        )

    async def add(self, ledger: Ledger) -> None:
        if not ledger.entries:
            return
        newer = [entry for _, entry in ledger.entries if entry.kind is not Kind.TEXT]
        advanced = {entry.request_id: entry.seq for _, entry in ledger.entries}
        async with self._connection.pipeline():
            await self._run(
                "add_entries",
                {
                    "request_ids": [entry.request_id for _, entry in ledger.entries],
                    "seqs": [entry.seq for _, entry in ledger.entries],
                    "kinds": [entry.kind.value for _, entry in ledger.entries],
                    "messages": [entry.message for _, entry in ledger.entries],
                    "versions": [entry.version for _, entry in ledger.entries],
                    "author_ids": [operation.author.id for operation, _ in ledger.entries],
                    "client_ids": [entry.client_id for _, entry in ledger.entries],
                    "bodies": [entry.text for _, entry in ledger.entries],
                },
            )
            if newer:
                versions = [entry.version for entry in newer]
                messages = [(entry.request_id, entry.message) for entry in newer]
                await self._run("blank_older", _of_messages(messages) | {"versions": versions})
            await self._run("advance_chats", {"request_ids": list(advanced), "lasts": list(advanced.values())})

    async def entries(self, places: Mapping[int, int], most: int) -> Sequence[Entry]:
        arguments = {"request_ids": list(places), "afters": list(places.values()), "most": most}
        return [
            Entry(row[0], row[1], Kind(row[2]), row[3], row[4], row[5], row[6], row[7], row[8])
            for row in await self._rows("read_chats", arguments)
        ]

    async def messages(self, request_id: int, after: int, limit: int) -> Sequence[Message]:
        arguments = {"request_id": request_id, "after": after, "limit": limit}
        async with self._connection.cursor(row_factory=class_row(Message)) as cursor:
            return await (await cursor.execute(self._queries["list_messages"], arguments)).fetchall()

    async def keep_marks(self, marks: Mapping[tuple[int, int], tuple[int, int]]) -> Set[int]:
        arguments = {
            "request_ids": [request_id for request_id, _ in marks],
            "user_ids": [user_id for _, user_id in marks],
            "delivered": [delivered for delivered, _ in marks.values()],
            "read": [read for _, read in marks.values()],
        }
        return {row[0] for row in await self._rows("keep_marks", arguments)}

    async def marks(self, request_ids: Sequence[int]) -> Mapping[int, Sequence[Mark]]:
        found: dict[int, list[Mark]] = {}
        for row in await self._rows("read_marks", {"request_ids": list(request_ids)}):
            found.setdefault(row[0], []).append(Mark(*row[1:]))
        return found

    async def _run(self, query: str, arguments: Mapping[str, object]) -> AsyncCursor[tuple[Any, ...]]:
        return await self._connection.execute(self._queries[query], arguments)

    async def _rows(self, query: str, arguments: Mapping[str, object]) -> list[tuple[Any, ...]]:
        return await (await self._run(query, arguments)).fetchall()


def _of_messages(messages: Sequence[tuple[int, int]]) -> dict[str, object]:
    return {
        "request_ids": [request_id for request_id, _ in messages],
        "messages": [message for _, message in messages],
    }
