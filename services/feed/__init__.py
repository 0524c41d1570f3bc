"""The pure core of live updates: events with one order, cursors into it, and the window of events that is kept."""

from services.feed.cursor import Cursor
from services.feed.event import Event, Viewer
from services.feed.window import Batch, Expired, Gap, Window

__all__ = ["Batch", "Cursor", "Event", "Expired", "Gap", "Viewer", "Window"]
