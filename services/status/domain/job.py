"""A deferred job and its result."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from uuid import UUID


class Result(StrEnum):
    GROWING = "growing"
    FALLING = "falling"


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of us: to find out about a stock. request_id: whose result it is; None when no request asked."""

    job: UUID
    stock_id: int
    request_id: int | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """How an order came. traceparent: the trace it belongs to, empty for none. took: seconds since its call began."""

    correlation_id: str
    traceparent: str
    took: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """A result, and when it was drawn."""

    result: Result
    at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """What is reported of a job: its result, and the times of its way until then, by the database's clock.

    traced: whether who asked keeps a timeline; otherwise the times are not told.
    """

    order: Order
    drawn: Drawn
    received_at: datetime | None
    accepted_at: datetime
    traced: bool


class Stage(StrEnum):
    """Where a job is: the deferred action goes on; its result is drawn; it was reported; or that was refused."""

    WAITING = "waiting"
    DRAWN = "drawn"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come. attempts: how often it was taken to be reported."""

    stage: Stage
    result: Result | None
    attempts: int

    @property
    def done(self) -> bool:
        return self.stage in {Stage.DELIVERED, Stage.DEAD}


def stage_of(state: str, result: Result | None) -> Stage:
    """From the state that is kept to the one that is shown."""
    return Stage.DRAWN if state == "waiting" and result else Stage(state)


class AnotherJob(Exception):
    """A job of this id is about something else."""

    def __init__(self) -> None:
        super().__init__("A job of this id is there already, and it is about something else.")


def draw(job: UUID, seed: str | None) -> Result:
    """A random result. With a seed, the same job always comes to the same, in whatever order jobs are done."""
    if seed is None:
        return secrets.choice(list(Result))
    drawn = sha256(f"{seed}:{job}".encode()).digest()[0]
    return Result.GROWING if drawn % 2 == 0 else Result.FALLING
