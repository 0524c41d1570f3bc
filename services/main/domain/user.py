"""Who acts. A guest is no user: where one is allowed, the user is None."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.main.domain.errors import CreatorsOnly, InvalidField, ModeratorsOnly

# Characters. NIST SP 800-63B-4 asks for length, and for no mixture of kinds.
SHORTEST_PASSWORD = 12


class Role(StrEnum):
    CREATOR = "creator"
    MODERATOR = "moderator"


@dataclass(frozen=True, slots=True)
class User:
    id: int
    name: str
    role: Role

    def must_be_creator(self) -> None:
        if self.role is not Role.CREATOR:
            raise CreatorsOnly

    def must_be_moderator(self) -> None:
        if self.role is not Role.MODERATOR:
            raise ModeratorsOnly


@dataclass(frozen=True, slots=True)
class Session:
    """Somewhere a user is signed in. address, agent: what the browser was at the time, as far as it is known."""

    id: UUID
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str | None
    agent: str | None
    is_current: bool


def check_password(name: str, email: str | None, password: str) -> None:
    """Refuse what is guessed first: a password that is made of the name, or of a few characters again and again."""
    folded = password.casefold()
    known = {name.casefold(), (email or "").casefold().partition("@")[0]}
    if any(len(word) >= 3 and word in folded for word in known):
        raise InvalidField("password", "The password holds the name or the e-mail address.")
    if len(set(folded)) < 6:
        raise InvalidField("password", "The password needs six different characters at least.")
