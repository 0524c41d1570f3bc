"""What happened, and whom it concerns."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks. A guest has no user_id."""

    user_id: int | None = None
    moderator: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """creator_id: whose request it is about, None where it concerns everybody. body: JSON, as it goes on the wire."""

    seq: int
    kind: str
    creator_id: int | None
    to_moderators: bool
    body: str

    def concerns(self, viewer: Viewer) -> bool:
        if self.creator_id is None:
            return True
        return self.creator_id == viewer.user_id or (self.to_moderators and viewer.moderator)
