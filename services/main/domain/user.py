"""Who acts."""

from dataclasses import dataclass
from enum import StrEnum

from services.main.domain.errors import CreatorsOnly


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
