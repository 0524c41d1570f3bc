"""What travels through the broker: that a message is due. Neither its words nor its recipient leave the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

TYPE = "message-due"
VERSION = 1


class NotDue(Exception):
    """An event that does not say which attempt of which message is due."""


@dataclass(frozen=True, slots=True)
class Due:
    """Attempt `number` of a message is due."""

    message: UUID
    number: int

    @property
    def id(self) -> UUID:
        """Of the event: the same when it is published again."""
        return uuid5(self.message, str(self.number))

    def payload(self) -> dict[str, Any]:
        return {"message": str(self.message), "number": self.number}

    @classmethod
    def of(cls, kind: str, version: int, payload: Mapping[str, Any]) -> "Due":
        """Raises NotDue."""
        if (kind, version) != (TYPE, VERSION):
            raise NotDue(f"{kind} of version {version}, and {TYPE} of version {VERSION} is known here")
        message, number = payload.get("message"), payload.get("number")
        if not isinstance(message, str) or not isinstance(number, int):
            raise NotDue("it names no message and no attempt")
        try:
            return cls(UUID(message), number)
        except ValueError:
            raise NotDue("its message is no UUID") from None


def lane(channel: str, recipient: str) -> str:
    """The key by which brokers keep one recipient's messages in order."""
    return sha256(f"{channel}\n{recipient}".encode()).hexdigest()[:32]
