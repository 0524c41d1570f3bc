"""What the two streams have in common: the messages, for as long as the session lasts."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import monotonic

from services.feed import Cursor, Expired
from services.main.domain.user import User
from services.main.entrypoints.feed.wire import HEARTBEAT, message, reset, snapshot_of, viewer_of
from services.main.use_cases.signing_in import who_is
from services.main.wiring import Parts
from services.postgres import UNAVAILABLE
from services.problem import Problem


class SessionEnded(Exception):
    """The viewer has signed out, or was."""


@dataclass(frozen=True, slots=True)
class Said:
    """cursor: where to go on after this message."""

    text: str
    cursor: Cursor
    is_reset: bool = False


async def messages(parts: Parts, user: User | None, token: str | None, cursor: Cursor | None) -> AsyncIterator[Said]:
    """The feed after `cursor`; without one, from a snapshot on. Ends when the service stops.

    SessionEnded at the latest a heartbeat after the session's end.
    """
    viewer = viewer_of(user)
    checked = monotonic()
    try:
        while True:
            try:
                if cursor is None:
                    raise Expired("begun")
                batch = await parts.hub.wait(cursor, viewer, HEARTBEAT)
            except Expired as error:
                snapshot = await snapshot_of(parts, user)
                cursor = Cursor.parse(snapshot.cursor)
                yield Said(reset(error.reason, snapshot), cursor, is_reset=True)
                continue
            if parts.hub.closing and not batch.events:
                return
            if user is not None and token is not None and monotonic() - checked >= HEARTBEAT / 2:
                await still_signed_in(parts, user, token)
                checked = monotonic()
            cursor = batch.cursor
            yield Said(message(batch), cursor)
    except Problem:
        # Not followed: the client comes again with the cursor it has.
        return
    except UNAVAILABLE:
        return


async def still_signed_in(parts: Parts, user: User, token: str) -> None:
    """Raises SessionEnded when the session has ended, or has become another user's."""
    try:
        found = await who_is(parts.work, token)
    except UNAVAILABLE:
        # Without the database there is nothing new to tell either.
        return
    if found != user:
        raise SessionEnded
