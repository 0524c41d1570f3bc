"""A message, the ways it can take, and the states it can be in."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class Channel(StrEnum):
    EMAIL = "email"
    TELEGRAM = "telegram"
    VK = "vk"


class State(StrEnum):
    """waiting: for its time or its turn. handed: to the broker. sending: an attempt is under way.

    sent: the provider has it. dead: it cannot be sent as it is, or not after so many attempts. unknown: it may have
    arrived. dismissed: a person decided that it is not sent again. Dead and unknown ones wait for a person.
    """

    WAITING = "waiting"
    HANDED = "handed"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"
    UNKNOWN = "unknown"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody asks us to send. Either `text` as it is, or `template`, rendered with `variables`.

    to: a mail address, a Telegram chat (number or @name), a VK peer (number). subject: of mail only.
    """

    channel: str
    to: str
    subject: str | None = None
    text: str | None = None
    template: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Content:
    """What is sent, checked: a draft whose words are final."""

    channel: Channel
    to: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Consignment:
    """A message that is being sent. attempt: its number, from 1. strikes: attempts that counted towards giving up."""

    id: UUID
    accepted_at: datetime
    content: Content
    attempt: int
    strikes: int
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to send. ended_at, outcome: None while it is under way. detail: what the provider said, or why."""

    number: int
    began_at: datetime
    ended_at: datetime | None
    outcome: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """Everything that is known of a message. due_at: when something happens next, while something does."""

    id: UUID
    content: Content
    state: State
    accepted_at: datetime
    due_at: datetime
    settled_at: datetime | None
    reason: str | None
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that waits for a person, as it stands in a list. place: where the list goes on after it."""

    id: UUID
    place: int
    channel: Channel
    to: str
    state: State
    reason: str
    attempts: int
    accepted_at: datetime
    dead_since: datetime
