"""What came of an attempt, and what is done then."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TypeAlias

from services.gateway.domain.message import Channel
from services.retry import Backoff

# Seconds that a provider's wish to wait is heeded for at most, by the message and by all others of its channel.
LONGEST_WAIT = 3600.0
LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took it; `receipt` is its word for it."""

    receipt: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will never take it as it is."""

    reason: str


@dataclass(frozen=True, slots=True)
class Limited:
    """The provider took nothing, and wants to be left alone for `after` seconds: by this recipient, or by all."""

    after: float
    reason: str
    everyone: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """It certainly did not leave, or was certainly not taken; later it may be."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It left, and no answer came: it may have been taken or not."""

    reason: str


Outcome: TypeAlias = Sent | Refused | Limited | Failed | Unknown


class AfterUnknown(StrEnum):
    """repeat: the receiver knows the same message again, or a second one does little harm. hold: a person decides."""

    REPEAT = "repeat"
    HOLD = "hold"


# VK shows one random_id once, a mail that comes twice has one Message-ID; Telegram would show a text twice.
AFTER_UNKNOWN: Mapping[Channel, AfterUnknown] = {
    Channel.EMAIL: AfterUnknown.REPEAT,
    Channel.VK: AfterUnknown.REPEAT,
    Channel.TELEGRAM: AfterUnknown.HOLD,
}


@dataclass(frozen=True, slots=True)
class Arrived:
    """It is sent."""


@dataclass(frozen=True, slots=True)
class Again:
    """Send it again after so many seconds. pause: seconds for which its whole channel is left alone."""

    after: float
    reason: str
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Dead:
    """A person has to look: it was not sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """A person has to look: it may have been sent."""

    reason: str


Verdict: TypeAlias = Arrived | Again | Dead | Held


@dataclass(frozen=True, slots=True)
class Policy:
    """How long and how often. strikes: failures and unknown outcomes after which a message is given up."""

    strikes: int
    backoff: Backoff
    after_unknown: Mapping[Channel, AfterUnknown]


def decide(outcome: Outcome, channel: Channel, strikes: int, policy: Policy, random: Random) -> Verdict:
    """What becomes of a message with so many strikes before this outcome.

    A limit is no strike: who is told to wait has failed at nothing. Its jitter comes on top of what was asked, or all
    that were turned away would come back in step.
    """
    match outcome:
        case Sent():
            return Arrived()
        case Refused(reason):
            return Dead(reason)
        case Limited(after, reason, everyone):
            asked = min(max(after, 0.0), LONGEST_WAIT)
            jitter = policy.backoff.delay(1, random)
            return Again(asked + jitter, reason, min(asked, LONGEST_PAUSE) if everyone else 0.0)
        case Unknown(reason) if policy.after_unknown[channel] is AfterUnknown.HOLD:
            return Held(reason)
        case Failed(reason) | Unknown(reason):
            strikes += 1
            if strikes < policy.strikes:
                return Again(policy.backoff.delay(strikes, random), reason)
            given_up = f"given up after {strikes} failures, the last: {reason}"
            return Held(given_up) if isinstance(outcome, Unknown) else Dead(given_up)


def is_strike(outcome: Outcome) -> bool:
    """Whether the outcome counts towards giving up."""
    return isinstance(outcome, Failed | Unknown)


def told(outcome: Outcome) -> tuple[str, str]:
    """(name, detail) of an outcome, for the history."""
    match outcome:
        case Sent(receipt):
            return "sent", receipt
        case Refused(reason):
            return "refused", reason
        case Limited(after, reason, _):
            return "limited", f"{reason} (asked to wait {after:g} s)"
        case Failed(reason):
            return "failed", reason
        case Unknown(reason):
            return "unknown", reason
