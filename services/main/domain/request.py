"""A creator's request: from draft to formed, the results its items wait for, and what a moderator makes of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from services.main.domain.errors import EmptyDraft, NotFound, RequestFull, ResultsMissing, StockGone, WrongState
from services.main.domain.user import Role, User

# Stocks in one request, so that forming one is bounded work.
MOST_ITEMS = 200
MOST_OF_ONE = 1_000_000


class State(StrEnum):
    DRAFT = "draft"
    FORMED = "formed"
    COMPLETED = "completed"
    REJECTED = "rejected"
    DELETED = "deleted"


# From where a request comes into a state. There is no other way; the database has the same table.
STEPS: Mapping[State, State] = {
    State.FORMED: State.DRAFT,
    State.DELETED: State.DRAFT,
    State.COMPLETED: State.FORMED,
    State.REJECTED: State.FORMED,
}


class Result(StrEnum):
    """What the deferred action found out about a stock."""

    GROWING = "growing"
    FALLING = "falling"


@dataclass(frozen=True, slots=True)
class Item:
    """result: None until the callback has brought it. is_offered: whether the catalogue still has the stock."""

    stock_id: int
    company: str
    price: Decimal
    quantity: int
    result: Result | None
    is_offered: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """closed_at: when it was completed, rejected or deleted. moderator: who decided, by name."""

    id: int
    creator_id: int
    creator: str
    state: State
    created_at: datetime
    formed_at: datetime | None
    closed_at: datetime | None = None
    moderator: str | None = None
    items: Sequence[Item] = ()

    def must_be_visible_to(self, user: User) -> None:
        """A creator sees their own requests; a moderator all that were formed. Others do not exist for them."""
        if self.state is State.DELETED:
            raise NotFound("request")
        if self.creator_id == user.id:
            return
        if user.role is not Role.MODERATOR or self.state is State.DRAFT:
            raise NotFound("request")

    def must_be(self, needed: State) -> None:
        if self.state is not needed:
            raise WrongState(self.state, needed)


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests, newest first. None asks for nothing.

    creator: a user's name. from_day, to_day: when they were formed, in UTC, both days included.
    before: the id of the last request of the page before. limit: the length of a page.
    """

    states: Sequence[State] | None = None
    creator: str | None = None
    from_day: date | None = None
    to_day: date | None = None
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Handover:
    """One deferred job, as it is handed to the async service."""

    job: UUID
    stock_id: int
    request_id: int


def form(request: Request, new_job: Callable[[], UUID]) -> list[Handover]:
    """The jobs that forming a draft brings about, one an item."""
    request.must_be(STEPS[State.FORMED])
    if not request.items:
        raise EmptyDraft
    for item in request.items:
        if not item.is_offered:
            raise StockGone(item.company)
    return [Handover(new_job(), item.stock_id, request.id) for item in request.items]


def close(request: Request, state: State) -> None:
    """Whether a moderator may complete or reject a request: what is completed has all its results."""
    request.must_be(STEPS[state])
    missing = sum(item.result is None for item in request.items)
    if state is State.COMPLETED and missing:
        raise ResultsMissing(missing)


def must_fit(items: int) -> None:
    """Refuse a request of more than MOST_ITEMS stocks."""
    if items > MOST_ITEMS:
        raise RequestFull(MOST_ITEMS)


@dataclass(frozen=True, slots=True)
class Report:
    """What the callback says: this job, about this stock in this request, came to this result.

    received_at, accepted_at, drawn_at: the job's way through the async service; None where it does not say.
    """

    job: UUID
    stock_id: int
    request_id: int
    result: Result
    received_at: datetime | None = None
    accepted_at: datetime | None = None
    drawn_at: datetime | None = None
