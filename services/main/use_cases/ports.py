"""What the use cases need of the world. The adapters provide it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol, TypeAlias

from services.main.domain.request import Handover, Report, Request, Result
from services.main.domain.stock import Stock
from services.main.domain.user import User


class Stocks(Protocol):
    async def all(self) -> Sequence[Stock]: ...

    async def find(self, stock_id: int) -> Stock | None: ...


class Users(Protocol):
    async def find(self, name: str) -> tuple[User, str] | None:
        """The user of this name, and the hash of their password."""

    async def of_session(self, token: str) -> User | None: ...

    async def open_session(self, user: User, token: str) -> None: ...

    async def close_session(self, token: str) -> None: ...


class Requests(Protocol):
    async def draft_of(self, creator: User) -> int | None: ...

    async def open_draft(self, creator: User) -> int:
        """The creator's draft, new or not, locked until the transaction ends."""

    async def add_item(self, request_id: int, stock_id: int) -> bool:
        """One more of a stock; False when the quantity has reached its bound."""

    async def find(self, request_id: int) -> Request | None: ...

    async def lock(self, request_id: int) -> Request | None:
        """Like `find`, and nobody else changes it until the transaction ends."""

    async def mark_formed(self, handovers: Sequence[Handover]) -> None: ...

    async def set_result(self, report: Report) -> bool:
        """Set the result, if exactly this job waits for it. Whether it did."""

    async def result_of(self, report: Report) -> tuple[bool, Result | None]:
        """Whether the job belongs to that stock and request, and the result it has."""


class Outbox(Protocol):
    async def add(self, handovers: Sequence[Handover]) -> None: ...


class Receipts(Protocol):
    async def keep(self, message_id: str, signed_at: datetime) -> bool:
        """Note a signed message as taken; False when it was taken before."""


class Unit(Protocol):
    """One transaction: it commits when its block ends, and rolls back when the block raises."""

    @property
    def stocks(self) -> Stocks: ...
    @property
    def users(self) -> Users: ...
    @property
    def requests(self) -> Requests: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def receipts(self) -> Receipts: ...


Work: TypeAlias = Callable[[], AbstractAsyncContextManager[Unit]]


class Passwords(Protocol):
    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is right. Takes as long for a user that does not exist (None)."""
