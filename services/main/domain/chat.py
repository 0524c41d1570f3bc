"""The chat about a request: entries with contiguous numbers, versions of messages, marks of how far somebody came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from services.main.domain.errors import ChatFull, NotFound, NotTheAuthor, Outdated
from services.main.domain.user import User

# Characters (code points) of a text.
LONGEST_TEXT = 2000
# Entries of one chat: pages show all of it.
MOST_ENTRIES = 10_000


class Kind(StrEnum):
    TEXT = "text"
    EDIT = "edit"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client asks for.

    client_id: the client's name for it; the same operation sent again has the same one. message: the entry that began
    the message; None for a new one. version: what the message is to become, so more than the author saw.
    """

    request_id: int
    author: User
    client_id: UUID
    kind: Kind
    message: int | None = None
    version: int = 1
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the chat's log.

    message: the entry that began the message this one belongs to. text: None when deleted, or when a later version has
    taken its place. written_at: by the database's clock.
    """

    request_id: int
    seq: int
    kind: Kind
    message: int
    version: int
    author: str
    client_id: UUID
    text: str | None
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is now: its newest version. text: None when deleted."""

    seq: int
    author: str
    version: int
    text: str | None
    is_deleted: bool
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Mark:
    """Every entry up to `delivered` has reached the user, and every entry up to `read` was shown to them."""

    author: str
    delivered: int
    read: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a message stands: whose it is, its newest version, and whether that deleted it."""

    author_id: int
    version: int
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """An operation has its number. is_new: False when it was sent before."""

    seq: int
    is_new: bool


Answer: TypeAlias = Placed | ChatFull | NotFound | NotTheAuthor | Outdated


class Ledger:
    """Gives operations their numbers, while nobody else does so in the same chats.

    lasts: the newest number of each chat; one that is missing is there for nobody. sent: the numbers of what was sent
    before, by chat, author and client id. standings: of the messages that are to be changed, by chat and message.
    """

    def __init__(
        self,
        lasts: Mapping[int, int],
        sent: Mapping[tuple[int, int, UUID], int],
        standings: Mapping[tuple[int, int], Standing],
        now: datetime,
    ) -> None:
        self.lasts = dict(lasts)
        self._sent = dict(sent)
        self._standings = dict(standings)
        self._now = now
        self._entries: list[tuple[Operation, Entry]] = []

    @property
    def entries(self) -> Sequence[tuple[Operation, Entry]]:
        """What is new, in the order of its numbers."""
        return self._entries

    def take(self, operation: Operation) -> Answer:
        """Place one operation, or say why it can never be placed."""
        chat = operation.request_id
        if chat not in self.lasts:
            return NotFound("request")
        name = (chat, operation.author.id, operation.client_id)
        if name in self._sent:
            return Placed(self._sent[name], is_new=False)
        if operation.message is not None and (refusal := self._refusal(operation, operation.message)):
            return refusal
        if self.lasts[chat] >= MOST_ENTRIES and operation.kind is not Kind.DELETE:
            return ChatFull(MOST_ENTRIES)
        seq = self.lasts[chat] + 1
        message = seq if operation.message is None else operation.message
        entry = Entry(
            chat,
            seq,
            operation.kind,
            message,
            operation.version,
            operation.author.name,
            operation.client_id,
            operation.text,
            self._now,
        )
        self.lasts[chat] = self._sent[name] = seq
        self._standings[chat, message] = Standing(operation.author.id, operation.version, operation.kind is Kind.DELETE)
        self._entries.append((operation, entry))
        return Placed(seq, is_new=True)

    def _refusal(self, operation: Operation, message: int) -> NotFound | NotTheAuthor | Outdated | None:
        standing = self._standings.get((operation.request_id, message))
        if standing is None or standing.is_deleted:
            return NotFound("message")
        if standing.author_id != operation.author.id:
            return NotTheAuthor()
        if operation.version <= standing.version:
            return Outdated(standing.version)
        return None
