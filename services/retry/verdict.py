"""From the outcome of an attempt to what becomes of the message."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random
from typing import TypeAlias

from services.retry.backoff import Backoff

# Refusals that a later attempt may well pass: Request Timeout, Too Early, Too Many Requests.
PASSING = frozenset({408, 425, 429})
# A receiver that asks for more patience than this (seconds) is asked again after this.
LONGEST_WAIT = 3600.0
# Clocks that are further apart (seconds) may be why a signature was refused: its time must be the receiver's, roughly.
CLOCKS_APART = 60.0


@dataclass(frozen=True, slots=True)
class Answered:
    """The receiver answered with this status, and perhaps a Retry-After header. date: its Date header, its clock."""

    status: int
    retry_after: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No answer: whether the receiver got the message is unknown.

    spare: seconds for which no other message need try either.
    """

    reason: str
    spare: float = 0.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Send again after so many seconds."""

    after: float
    reason: str


@dataclass(frozen=True, slots=True)
class Dead:
    """The receiver will never take it as it is; a person has to look."""

    reason: str


# Where the receiver does not speak HTTP, the sender knows itself what was final.
Outcome: TypeAlias = Answered | Unreachable | Delivered | Dead
Verdict: TypeAlias = Delivered | Retry | Dead


def decide(outcome: Outcome, attempt: int, backoff: Backoff, random: Random, now: datetime) -> Verdict:
    """2xx: delivered. 4xx, except the passing ones: dead at once. All else: again, never before Retry-After.

    The jitter comes on top of what Retry-After asks, or all that were turned away would come back in step. A 401 while
    the two clocks are apart passes too: the clock is at fault, not the message, and somebody will set it.
    """
    if isinstance(outcome, Delivered | Dead):
        return outcome
    delay = backoff.delay(attempt, random)
    if isinstance(outcome, Unreachable):
        return Retry(delay, outcome.reason)
    if 200 <= outcome.status < 300:
        return Delivered()
    reason = f"answered {outcome.status}"
    ahead = _ahead(outcome.date, now)
    if outcome.status == 401 and abs(ahead) > CLOCKS_APART:
        way = "ahead of" if ahead > 0 else "behind"
        return Retry(delay, f"{reason}: our clock is {abs(ahead):.0f} s {way} the receiver's")
    if 400 <= outcome.status < 500 and outcome.status not in PASSING:
        return Dead(reason)
    return Retry(delay + asked_wait(outcome.retry_after, now), reason)


def asked_wait(retry_after: str | None, now: datetime) -> float:
    """Seconds asked for by Retry-After (RFC 9110, section 10.2.3); 0 where there is none or it makes no sense."""
    text = (retry_after or "").strip()
    if re.fullmatch(r"[0-9]{1,10}", text):
        return min(float(text), LONGEST_WAIT)
    return min(max(-_ahead(text, now), 0.0), LONGEST_WAIT)


def _ahead(date: str | None, now: datetime) -> float:
    """Seconds that `now` is ahead of an HTTP date (RFC 9110, section 5.6.7); 0 where that makes no sense."""
    if not date:
        return 0.0
    try:
        when = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    seconds = (now - when).total_seconds()
    return seconds if math.isfinite(seconds) else 0.0
