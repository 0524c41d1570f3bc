"""The event `user.registered`: main publishes it, the welcome mail and the statistics consume it.

What it holds grows by a new version only. A consumer that does not know a version refuses the event, which then waits
as a dead letter for a release that does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TOPIC = "registrations"
WELCOME = "welcome"
STATISTICS = "statistics"

TYPE = "user.registered"
VERSION = 1


class Unreadable(Exception):
    """No `user.registered` of a version that this release knows. The text says why, and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Registered:
    """Somebody became a creator. email: None where they gave none, and then get no mail."""

    user_id: int
    name: str
    email: str | None

    @property
    def key(self) -> str:
        """What is told of one user is told in order."""
        return f"user:{self.user_id}"

    def payload(self) -> dict[str, Any]:
        return {"user_id": self.user_id, "name": self.name, "email": self.email}

    @classmethod
    def read(cls, type_: str, version: int, payload: Mapping[str, Any]) -> "Registered":
        """Raises Unreadable."""
        if type_ != TYPE:
            raise Unreadable(f"type {type_[:100]!r}, and this topic carries {TYPE}")
        if version != VERSION:
            raise Unreadable(f"{TYPE} of version {version}, and this release knows version {VERSION}")
        user_id, name, email = (payload.get(field) for field in ("user_id", "name", "email"))
        if not isinstance(user_id, int) or isinstance(user_id, bool):
            raise Unreadable("payload: user_id is no whole number")
        if not isinstance(name, str) or not name:
            raise Unreadable("payload: name is no text")
        if email is not None and not isinstance(email, str):
            raise Unreadable("payload: email is neither a text nor null")
        return cls(user_id, name, email)
