"""What the use cases need of the world. The adapters provide it."""

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Protocol, TypeAlias, TypeVar
from uuid import UUID

from services.main.domain.allowance import Allowance
from services.main.domain.answer import Answer
from services.main.domain.chat import Entry, Ledger, Mark, Message, Operation
from services.main.domain.request import Handover, Report, Request, RequestFilter, Result, State
from services.main.domain.statistics import DayCount, Span
from services.main.domain.stock import Offer, Stock, StockFilter
from services.main.domain.timeline import Event
from services.main.domain.user import Session, User

T = TypeVar("T")

# Raises Changed when the thing, as it is now, is not what the caller has seen. Called where nobody else changes it.
Check: TypeAlias = Callable[[T], None]


def any_state(_: object) -> None:
    """The check of a caller who does not mind what the thing looks like now."""


class Stocks(Protocol):
    async def page(self, wanted: StockFilter) -> Sequence[Stock]: ...

    async def find(self, stock_id: int) -> Stock | None: ...

    async def lock(self, stock_id: int) -> Stock | None:
        """Like `find`, and nobody else changes it until the transaction ends."""

    async def add(self, offer: Offer) -> Stock:
        """Raises CompanyTaken."""

    async def change(self, stock_id: int, offer: Offer) -> Stock:
        """Raises CompanyTaken."""

    async def delete(self, stock_id: int) -> None: ...


class Users(Protocol):
    async def find(self, name: str) -> tuple[User, str] | None:
        """The user of this name, and the hash of their password."""

    async def add(self, name: str, email: str | None, password_hash: str) -> User | None:
        """A new creator; None when the name is taken."""

    async def of_session(self, token: str) -> User | None: ...

    async def open_session(self, user: User, token: str, address: str, agent: str) -> None: ...

    async def close_session(self, token: str) -> None: ...

    async def sessions(self, user: User, token: str) -> Sequence[Session]:
        """Where the user is signed in; `token` is that of the current session."""

    async def end_session(self, user: User, session_id: UUID) -> bool:
        """Sign out one session of this user. Whether there was one."""

    async def end_sessions(self, user: User) -> None: ...


class Allowances(Protocol):
    async def spend(self, subject: str, allowance: Allowance) -> float | None:
        """Take one. None, or the seconds to wait when there is none left."""

    async def give_back(self, subject: str, allowance: Allowance) -> None: ...

    async def forget(self) -> None:
        """Housekeeping. Comes last in a transaction: nothing waits for another while it holds what it deletes."""


class Requests(Protocol):
    async def draft_of(self, creator: User) -> int | None: ...

    async def open_draft(self, creator: User) -> int:
        """The creator's draft, new or not, locked until the transaction ends."""

    async def add_item(self, request_id: int, stock_id: int) -> bool:
        """One more of a stock; False when the quantity has reached its bound."""

    async def count_items(self, request_id: int) -> int: ...

    async def put_items(self, request_id: int, quantities: Mapping[int, int]) -> None:
        """Set the quantity of each of these stocks."""

    async def keep_items(self, request_id: int, stock_ids: Sequence[int]) -> None:
        """Take out every item but these."""

    async def find(self, request_id: int) -> Request | None: ...

    async def lock(self, request_id: int) -> Request | None:
        """Like `find`, and nobody else changes it until the transaction ends."""

    async def page(self, user: User, wanted: RequestFilter) -> Sequence[Request]:
        """What the user may see of what is wanted."""

    async def mark_formed(self, handovers: Sequence[Handover]) -> None: ...

    async def mark_deleted(self, request_id: int) -> None: ...

    async def mark_closed(self, request_id: int, state: State, moderator: User) -> None: ...

    async def set_results(self, reports: Sequence[Report]) -> Set[UUID]:
        """Set each result for which exactly that job waits. The jobs that did."""

    async def result_of(self, report: Report) -> tuple[bool, Result | None]:
        """Whether the job belongs to that stock and request, and the result it has."""


class Outbox(Protocol):
    async def add(self, handovers: Sequence[Handover]) -> None: ...


class Events(Protocol):
    """What other services hear of through the message broker, once the transaction is committed."""

    async def tell_of_registration(self, user: User, email: str | None) -> None: ...


class Statistics(Protocol):
    async def today(self, zone: str) -> date: ...

    async def registrations(self, span: Span, zone: str) -> Sequence[DayCount]:
        """Every day of the span, in order."""


class Timeline(Protocol):
    """What happened to a request. Its first steps are kept by the outbox and the relay."""

    async def keep_reports(self, reports: Sequence[Report]) -> None: ...

    async def keep_seen(self, request_id: int) -> None:
        """Note that the creator was shown the results that are there; those shown before stay as they are."""

    async def of_request(self, request_id: int) -> Sequence[Event]: ...


class Receipts(Protocol):
    async def keep(self, messages: Sequence[tuple[str, datetime]]) -> Sequence[bool]:
        """Note signed messages (id, time) as taken; False for each that was taken before."""

    async def drop(self, messages: Sequence[tuple[str, datetime]]) -> None:
        """Let messages be taken again."""


class Answers(Protocol):
    async def begin(self, user: User, key: str) -> bool:
        """Whether no other call with this key is under way. Holds until the transaction ends."""

    async def find(self, user: User, key: str) -> tuple[bytes, Answer] | None:
        """The fingerprint of the call that had this key, and its answer."""

    async def keep(self, user: User, key: str, fingerprint: bytes, answer: Answer) -> None: ...


class Chats(Protocol):
    async def begin(self, request_id: int) -> int:
        """Let there be a chat about a request. Its newest number."""

    async def ledger(self, operations: Sequence[Operation]) -> Ledger:
        """What is needed to place operations. Nobody else adds to their chats until the transaction ends."""

    async def add(self, ledger: Ledger) -> None:
        """Keep what is new. A text that a newer version has replaced is kept no longer."""

    async def entries(self, places: Mapping[int, int], most: int) -> Sequence[Entry]:
        """What came after a number in each chat, at most so many of each, in order."""

    async def messages(self, request_id: int, after: int, limit: int) -> Sequence[Message]:
        """Messages as they are now, by their first numbers."""

    async def keep_marks(self, marks: Mapping[tuple[int, int], tuple[int, int]]) -> Set[int]:
        """How far (delivered, read) somebody has come, by chat and user; never back, never beyond what there is.

        The chats in which that was news.
        """

    async def marks(self, request_ids: Sequence[int]) -> Mapping[int, Sequence[Mark]]:
        """The marks of each of these chats."""


class Unit(Protocol):
    """One transaction: it commits when its block ends, and rolls back when the block raises."""

    @property
    def stocks(self) -> Stocks: ...
    @property
    def users(self) -> Users: ...
    @property
    def allowances(self) -> Allowances: ...
    @property
    def requests(self) -> Requests: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def events(self) -> Events: ...
    @property
    def statistics(self) -> Statistics: ...
    @property
    def timeline(self) -> Timeline: ...
    @property
    def receipts(self) -> Receipts: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def chats(self) -> Chats: ...


Work: TypeAlias = Callable[[], AbstractAsyncContextManager[Unit]]


class Passwords(Protocol):
    async def hashed(self, password: str) -> str: ...

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is right. Takes as long for a user that does not exist (None)."""
