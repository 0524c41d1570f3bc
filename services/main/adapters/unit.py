"""Transactions on PostgreSQL."""

from collections.abc import AsyncIterator, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import date, datetime
from hashlib import sha256
from hmac import digest
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from services.journal import correlation_id
from services.main.adapters.chats import PostgresChats
from services.main.domain.allowance import Allowance
from services.main.domain.answer import Answer
from services.main.domain.errors import CompanyTaken
from services.main.domain.request import Handover, Item, Report, Request, RequestFilter, Result, State
from services.main.domain.statistics import DayCount, Span
from services.main.domain.stock import Offer, Stock, StockFilter
from services.main.domain.timeline import Event
from services.main.domain.user import Role, Session, User
from services.main.use_cases.ports import Work
from services.postgres import Queries
from services.registration import TOPIC, TYPE, VERSION, Registered
from services.settings import Secret
from services.tracing import Step, TraceContext, Tracing

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]
Pool: TypeAlias = AsyncConnectionPool[Connection]

# Seconds that a session lasts, and that it lasts without being used.
SESSION_LIFETIME = 8 * 3600.0
SESSION_IDLE = 3600.0

# The connection of a transaction that others are to join.
_joined: ContextVar[Connection | None] = ContextVar("joined", default=None)


class PostgresStocks:
    def __init__(self, connection: Connection, queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    async def page(self, wanted: StockFilter) -> Sequence[Stock]:
        arguments = {
            "text": wanted.text,
            "is_growing": wanted.is_growing,
            "least": wanted.least,
            "most": wanted.most,
            "after": wanted.after,
            "limit": wanted.limit,
        }
        async with self._connection.cursor(row_factory=class_row(Stock)) as cursor:
            return await (await cursor.execute(self._queries["list_stocks"], arguments)).fetchall()

    async def find(self, stock_id: int) -> Stock | None:
        return await self._one(self._queries["find_stock"], {"stock_id": stock_id})

    async def lock(self, stock_id: int) -> Stock | None:
        return await self._one(self._queries["lock_stock"], {"stock_id": stock_id})

    async def add(self, offer: Offer) -> Stock:
        return await self._written(self._queries["add_stock"], _of_offer(offer))

    async def change(self, stock_id: int, offer: Offer) -> Stock:
        return await self._written(self._queries["change_stock"], _of_offer(offer) | {"stock_id": stock_id})

    async def delete(self, stock_id: int) -> None:
        await self._connection.execute(self._queries["delete_stock"], {"stock_id": stock_id})

    async def _one(self, query: bytes, arguments: Mapping[str, object]) -> Stock | None:
        async with self._connection.cursor(row_factory=class_row(Stock)) as cursor:
            return await (await cursor.execute(query, arguments)).fetchone()

    async def _written(self, query: bytes, arguments: Mapping[str, object]) -> Stock:
        try:
            stock = await self._one(query, arguments)
        except UniqueViolation:
            raise CompanyTaken from None
        assert stock is not None
        return stock


def _of_offer(offer: Offer) -> dict[str, object]:
    return {
        "company": offer.company,
        "price": offer.price,
        "is_growing": offer.is_growing,
        "description": offer.description,
        "picture": offer.picture,
    }


class _Keyed:
    """Turns what must not stand in the database into a keyed digest: who reads the tables alone cannot tell it."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def __call__(self, text: str) -> bytes:
        return digest(self._key.reveal().encode(), text.encode(), sha256)


class PostgresUsers:
    """Session tokens are kept as keyed digests: who reads or writes the table alone cannot make a session."""

    def __init__(self, connection: Connection, queries: Queries, keyed: _Keyed) -> None:
        self._connection = connection
        self._queries = queries
        self._keyed = keyed

    async def find(self, name: str) -> tuple[User, str] | None:
        row = await (await self._connection.execute(self._queries["find_user"], {"name": name})).fetchone()
        return (User(row[0], row[1], Role(row[2])), row[3]) if row else None

    async def add(self, name: str, email: str | None, password_hash: str) -> User | None:
        arguments = {"name": name, "email": email, "password_hash": password_hash}
        row = await (await self._connection.execute(self._queries["add_user"], arguments)).fetchone()
        return User(row[0], row[1], Role(row[2])) if row else None

    async def of_session(self, token: str) -> User | None:
        arguments = {"token_digest": self._keyed(token), "idle": SESSION_IDLE}
        row = await (await self._connection.execute(self._queries["find_session_user"], arguments)).fetchone()
        if row is None:
            return None
        if row[3]:
            # Once a minute is often enough: reading should not mean writing.
            await self._connection.execute(self._queries["touch_session"], {"token_digest": self._keyed(token)})
        return User(row[0], row[1], Role(row[2]))

    async def open_session(self, user: User, token: str, address: str, agent: str) -> None:
        arguments = {
            "token_digest": self._keyed(token),
            "user_id": user.id,
            "lifetime": SESSION_LIFETIME,
            "address": address or None,
            "agent": agent or None,
        }
        await self._connection.execute(self._queries["open_session"], arguments)
        await self._connection.execute(self._queries["forget_expired_sessions"], {"idle": SESSION_IDLE})

    async def close_session(self, token: str) -> None:
        await self._connection.execute(self._queries["close_session"], {"token_digest": self._keyed(token)})

    async def sessions(self, user: User, token: str) -> Sequence[Session]:
        arguments = {"user_id": user.id, "token_digest": self._keyed(token), "idle": SESSION_IDLE}
        async with self._connection.cursor(row_factory=class_row(Session)) as cursor:
            return await (await cursor.execute(self._queries["list_sessions"], arguments)).fetchall()

    async def end_session(self, user: User, session_id: UUID) -> bool:
        arguments = {"user_id": user.id, "session_id": session_id}
        return (await self._connection.execute(self._queries["end_session"], arguments)).rowcount == 1

    async def end_sessions(self, user: User) -> None:
        await self._connection.execute(self._queries["end_sessions_of_user"], {"user_id": user.id})


class PostgresAllowances:
    def __init__(self, connection: Connection, queries: Queries, keyed: _Keyed) -> None:
        self._connection = connection
        self._queries = queries
        self._keyed = keyed

    async def spend(self, subject: str, allowance: Allowance) -> float | None:
        arguments = {"subject": self._keyed(subject), "every": allowance.every, "burst": allowance.burst}
        if (await self._connection.execute(self._queries["spend"], arguments)).rowcount:
            return None
        row = await (await self._connection.execute(self._queries["next_allowed"], arguments)).fetchone()
        # Somebody may have given one back, or housekeeping may have come by: then the next attempt gets through.
        return max(row[0], 1.0) if row else 1.0

    async def forget(self) -> None:
        await self._connection.execute(self._queries["forget_allowances"])

    async def give_back(self, subject: str, allowance: Allowance) -> None:
        arguments = {"subject": self._keyed(subject), "every": allowance.every}
        await self._connection.execute(self._queries["give_back"], arguments)


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

    async def count_items(self, request_id: int) -> int:
        query = self._queries["count_items"]
        row = await (await self._connection.execute(query, {"request_id": request_id})).fetchone()
        assert row is not None
        return int(row[0])

    async def put_items(self, request_id: int, quantities: Mapping[int, int]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.executemany(
                self._queries["put_item"],
                [
                    {"request_id": request_id, "stock_id": stock_id, "quantity": quantity}
                    for stock_id, quantity in quantities.items()
                ],
            )

    async def keep_items(self, request_id: int, stock_ids: Sequence[int]) -> None:
        arguments = {"request_id": request_id, "stock_ids": list(stock_ids)}
        await self._connection.execute(self._queries["keep_items"], arguments)

    async def find(self, request_id: int) -> Request | None:
        found = await self._requests("find_request", {"request_id": request_id})
        return found[0] if found else None

    async def lock(self, request_id: int) -> Request | None:
        await self._connection.execute(self._queries["lock_request"], {"request_id": request_id})
        return await self.find(request_id)

    async def page(self, user: User, wanted: RequestFilter) -> Sequence[Request]:
        arguments = {
            "user_id": user.id,
            "is_moderator": user.role is Role.MODERATOR,
            "states": None if wanted.states is None else [state.value for state in wanted.states],
            "creator": wanted.creator,
            "from_day": wanted.from_day,
            "to_day": wanted.to_day,
            "before": wanted.before,
            "limit": wanted.limit,
        }
        return await self._requests("list_requests", arguments)

    async def mark_formed(self, handovers: Sequence[Handover]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.execute(self._queries["mark_formed"], {"request_id": handovers[0].request_id})
            await cursor.executemany(
                self._queries["assign_job"],
                [{"job": each.job, "request_id": each.request_id, "stock_id": each.stock_id} for each in handovers],
            )

    async def mark_deleted(self, request_id: int) -> None:
        await self._connection.execute(self._queries["mark_deleted"], {"request_id": request_id})

    async def mark_closed(self, request_id: int, state: State, moderator: User) -> None:
        arguments = {"request_id": request_id, "state": state.value, "moderator_id": moderator.id}
        await self._connection.execute(self._queries["mark_closed"], arguments)

    async def set_results(self, reports: Sequence[Report]) -> Set[UUID]:
        arguments = {
            "jobs": [each.job for each in reports],
            "stock_ids": [each.stock_id for each in reports],
            "request_ids": [each.request_id for each in reports],
            "results": [each.result.value for each in reports],
        }
        rows = await (await self._connection.execute(self._queries["set_results"], arguments)).fetchall()
        return {row[0] for row in rows}

    async def result_of(self, report: Report) -> tuple[bool, Result | None]:
        arguments = {"job": report.job, "stock_id": report.stock_id, "request_id": report.request_id}
        row = await (await self._connection.execute(self._queries["find_job_item"], arguments)).fetchone()
        return row is not None, Result(row[0]) if row and row[0] else None

    async def _draft(self, query: str, creator: User) -> int | None:
        row = await (await self._connection.execute(self._queries[query], {"creator_id": creator.id})).fetchone()
        return row[0] if row else None

    async def _requests(self, query: str, arguments: Mapping[str, object]) -> list[Request]:
        rows = await (await self._connection.execute(self._queries[query], arguments)).fetchall()
        items: dict[int, list[Item]] = {row[0]: [] for row in rows}
        found = await self._connection.execute(self._queries["list_items"], {"request_ids": list(items)})
        for item in await found.fetchall():
            items[item[0]].append(
                Item(
                    stock_id=item[1],
                    company=item[2],
                    price=item[3],
                    quantity=item[4],
                    result=Result(item[5]) if item[5] else None,
                    is_offered=item[6],
                )
            )
        return [
            Request(
                id=row[0],
                creator_id=row[1],
                creator=row[2],
                state=State(row[3]),
                created_at=row[4],
                formed_at=row[5],
                closed_at=row[6],
                moderator=row[7],
                items=items[row[0]],
            )
            for row in rows
        ]


class PostgresOutbox:
    """A request's messages begin its timeline and its trace."""

    def __init__(self, connection: Connection, queries: Queries, tracing: Tracing) -> None:
        self._connection = connection
        self._queries = queries
        self._tracing = tracing

    async def add(self, handovers: Sequence[Handover]) -> None:
        trace = TraceContext.new()
        request_id = handovers[0].request_id
        formed = self._tracing.record(Step.FORM, str(request_id), trace, request_id=correlation_id())
        await self._connection.execute(
            self._queries["keep_form"], {"request_id": request_id, "trace_id": trace.trace_id}
        )
        rows = [
            {
                "topic": "set-status",
                "payload": Jsonb({"pk": each.stock_id, "job": str(each.job), "request": each.request_id}),
                "correlation_id": correlation_id(),
                "traceparent": formed.traceparent,
            }
            for each in handovers
        ]
        async with self._connection.cursor() as cursor:
            await cursor.executemany(self._queries["add_to_outbox"], rows)
            await cursor.execute(self._queries["announce_outbox"])


class PostgresEvents:
    def __init__(self, connection: Connection, queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    async def tell_of_registration(self, user: User, email: str | None) -> None:
        registered = Registered(user.id, user.name, email)
        arguments = {
            "topic": TOPIC,
            "type": TYPE,
            "version": VERSION,
            "key": registered.key,
            "payload": Jsonb(registered.payload()),
            "correlation_id": correlation_id(),
        }
        await self._connection.execute(self._queries["add_event"], arguments)
        await self._connection.execute(self._queries["announce_event"])


class PostgresStatistics:
    """What the statistics service has counted (its schema's view)."""

    def __init__(self, connection: Connection, queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    async def today(self, zone: str) -> date:
        row = await (await self._connection.execute(self._queries["today"], {"zone": zone})).fetchone()
        assert row is not None
        found: date = row[0]
        return found

    async def registrations(self, span: Span, zone: str) -> Sequence[DayCount]:
        arguments = {"from_day": span.from_day, "to_day": span.to_day, "zone": zone}
        rows = await (await self._connection.execute(self._queries["count_registrations"], arguments)).fetchall()
        return [DayCount(*row) for row in rows]


class PostgresTimeline:
    def __init__(self, connection: Connection, queries: Queries, tracing: Tracing) -> None:
        self._connection = connection
        self._queries = queries
        self._tracing = tracing

    async def keep_reports(self, reports: Sequence[Report]) -> None:
        arguments = {
            "request_ids": [each.request_id for each in reports],
            "jobs": [each.job for each in reports],
            "received": [each.received_at for each in reports],
            "accepted": [each.accepted_at for each in reports],
            "drawn": [each.drawn_at for each in reports],
        }
        await self._connection.execute(self._queries["keep_reports"], arguments)

    async def keep_seen(self, request_id: int) -> None:
        rows = await (await self._connection.execute(self._queries["keep_seen"], {"request_id": request_id})).fetchall()
        for job, trace_id in rows:
            reported = TraceContext(trace_id, "").step(Step.CALLBACK, str(job)) if trace_id else None
            self._tracing.record(Step.SEEN, str(job), reported, request_id=correlation_id())

    async def of_request(self, request_id: int) -> Sequence[Event]:
        async with self._connection.cursor(row_factory=class_row(Event)) as cursor:
            return await (await cursor.execute(self._queries["list_timeline"], {"request_id": request_id})).fetchall()


class PostgresReceipts:
    def __init__(self, connection: Connection, queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    async def keep(self, messages: Sequence[tuple[str, datetime]]) -> Sequence[bool]:
        arguments = {
            "message_ids": [message_id for message_id, _ in messages],
            "signed": [signed_at for _, signed_at in messages],
        }
        rows = await (await self._connection.execute(self._queries["keep_receipts"], arguments)).fetchall()
        new = {(message_id, signed_at) for message_id, signed_at in rows}
        answers = []
        for message in messages:
            answers.append(message in new)
            # Of two that are the same the first is the new one.
            new.discard(message)
        return answers

    async def drop(self, messages: Sequence[tuple[str, datetime]]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.executemany(
                self._queries["drop_receipt"],
                [{"message_id": message_id, "signed_at": signed_at} for message_id, signed_at in messages],
            )


class PostgresAnswers:
    def __init__(self, connection: Connection, queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    async def begin(self, user: User, key: str) -> bool:
        arguments = {"user_id": user.id, "key": key}
        row = await (await self._connection.execute(self._queries["begin_call"], arguments)).fetchone()
        return row is not None and bool(row[0])

    async def find(self, user: User, key: str) -> tuple[bytes, Answer] | None:
        arguments = {"user_id": user.id, "key": key}
        row = await (await self._connection.execute(self._queries["find_answer"], arguments)).fetchone()
        return (bytes(row[0]), Answer(row[1], row[2], bytes(row[3]))) if row else None

    async def keep(self, user: User, key: str, fingerprint: bytes, answer: Answer) -> None:
        arguments = {
            "user_id": user.id,
            "key": key,
            "fingerprint": fingerprint,
            "status": answer.status,
            "headers": Jsonb(dict(answer.headers)),
            "body": answer.body,
        }
        await self._connection.execute(self._queries["keep_answer"], arguments)
        await self._connection.execute(self._queries["forget_answers"])


class PostgresUnit:
    """One transaction, seen as the ports that share it."""

    def __init__(self, connection: Connection, queries: Queries, session_key: Secret, tracing: Tracing) -> None:
        keyed = _Keyed(session_key)
        self.stocks = PostgresStocks(connection, queries)
        self.users = PostgresUsers(connection, queries, keyed)
        self.allowances = PostgresAllowances(connection, queries, keyed)
        self.requests = PostgresRequests(connection, queries)
        self.outbox = PostgresOutbox(connection, queries, tracing)
        self.events = PostgresEvents(connection, queries)
        self.statistics = PostgresStatistics(connection, queries)
        self.timeline = PostgresTimeline(connection, queries, tracing)
        self.receipts = PostgresReceipts(connection, queries)
        self.answers = PostgresAnswers(connection, queries)
        self.chats = PostgresChats(connection, queries)


def work_on(pool: Pool, queries: Queries, session_key: Secret, tracing: Tracing) -> Work:
    """Transactions on connections of `pool`; inside of a whole, parts of it."""

    @asynccontextmanager
    async def work() -> AsyncIterator[PostgresUnit]:
        joined = _joined.get()
        if joined is not None:
            # A savepoint: a part that fails undoes itself, and whoever holds the whole decides about the rest.
            async with joined.transaction():
                yield PostgresUnit(joined, queries, session_key, tracing)
            return
        async with pool.connection() as connection:
            yield PostgresUnit(connection, queries, session_key, tracing)

    return work


def whole_on(pool: Pool, queries: Queries, session_key: Secret, tracing: Tracing) -> Work:
    """A transaction that every unit of work inside its block joins: all of them commit together, or none does."""

    @asynccontextmanager
    async def whole() -> AsyncIterator[PostgresUnit]:
        # Begun here: else the first part would be a transaction of its own, and what it did would stay.
        async with pool.connection() as connection, connection.transaction():
            token = _joined.set(connection)
            try:
                yield PostgresUnit(connection, queries, session_key, tracing)
            finally:
                _joined.reset(token)

    return whole
