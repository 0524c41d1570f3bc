"""The newest events, kept in memory; older cursors need a snapshot."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from services.feed.cursor import Cursor
from services.feed.event import Event, Viewer


class Expired(Exception):
    """The cursor cannot be continued from. `reason`: `epoch-changed`, `too-old` or `unknown`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The cursor cannot be continued from: {reason}.")
        self.reason = reason


class Gap(Exception):
    """The next event does not follow the last one: the window must be read anew."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Between the cursors `after` and `cursor` exactly these events concern the viewer.

    The `after` of each batch is the `cursor` of the one before, so that a client notices what is missing or doubled.
    """

    after: Cursor
    cursor: Cursor
    events: tuple[Event, ...]


class Window:
    """At most `size` events without a gap, ending with event `last` of an epoch."""

    def __init__(self, epoch: str, last: int, size: int) -> None:
        self._epoch = epoch
        self._last = last
        self._events: deque[Event] = deque(maxlen=size)

    @property
    def cursor(self) -> Cursor:
        return Cursor(self._epoch, self._last)

    def extend(self, events: Iterable[Event]) -> None:
        """Append. Gap where one does not follow the event before it; those before that one are kept."""
        for event in events:
            if event.seq != self._last + 1:
                raise Gap
            self._events.append(event)
            self._last = event.seq

    def after(self, cursor: Cursor, viewer: Viewer) -> Batch:
        """What the viewer has not seen yet. Expired where the window cannot tell."""
        if cursor.epoch != self._epoch:
            raise Expired("epoch-changed")
        if cursor.seq > self._last:
            raise Expired("unknown")
        missing = self._last - cursor.seq
        if missing > len(self._events):
            raise Expired("too-old")
        # From the end: a cursor is nearly always near it, and a deque is slow in the middle.
        newest = tuple(islice(reversed(self._events), missing))
        return Batch(cursor, self.cursor, tuple(event for event in reversed(newest) if event.concerns(viewer)))
