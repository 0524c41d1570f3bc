"""A creator's request: from draft to formed, and the results its items wait for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from services.main.domain.errors import EmptyDraft, NotFound, WrongState
from services.main.domain.user import Role, User


class State(StrEnum):
    DRAFT = "draft"
    FORMED = "formed"
    COMPLETED = "completed"
    REJECTED = "rejected"
    DELETED = "deleted"


class Result(StrEnum):
    """What the deferred action found out about a stock."""

    GROWING = "growing"
    FALLING = "falling"


@dataclass(frozen=True, slots=True)
class Item:
    """result: None until the callback has brought it."""

    stock_id: int
    company: str
    price: Decimal
    quantity: int
    result: Result | None


@dataclass(frozen=True, slots=True)
class Request:
    id: int
    creator_id: int
    creator: str
    state: State
    formed_at: datetime | None
    items: Sequence[Item] = ()

    def must_be_visible_to(self, user: User) -> None:
        """A creator sees their own requests; a moderator all that were formed. Others do not exist for them."""
        if self.state is State.DELETED:
            raise NotFound("request")
        if self.creator_id == user.id:
            return
        if user.role is not Role.MODERATOR or self.state is State.DRAFT:
            raise NotFound("request")


@dataclass(frozen=True, slots=True)
class Handover:
    """One deferred job, as it is handed to the async service."""

    job: UUID
    stock_id: int
    request_id: int


def form(request: Request, new_job: Callable[[], UUID]) -> list[Handover]:
    """The jobs that forming a draft brings about, one an item."""
    if request.state is not State.DRAFT:
        raise WrongState(request.state, State.DRAFT)
    if not request.items:
        raise EmptyDraft
    return [Handover(new_job(), item.stock_id, request.id) for item in request.items]


@dataclass(frozen=True, slots=True)
class Report:
    """What the callback says: this job, about this stock in this request, came to this result."""

    job: UUID
    stock_id: int
    request_id: int
    result: Result
