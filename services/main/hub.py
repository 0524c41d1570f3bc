"""One per process of the main service: follows the feed, and wakes whoever waits for news of it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import monotonic

from services.feed import Batch, Cursor, Gap, Viewer, Window
from services.loops import lasting
from services.main.adapters.feed import AT_ONCE, PostgresFeed
from services.postgres import UNAVAILABLE, Database, listen
from services.problem import Problem

logger = logging.getLogger(__name__)

# Events that a client may be behind.
KEPT = 5000
# Seconds between two looks when nobody rings, and at least when somebody does all the time; between two trimmings of
# the log; and that a client waits for the start.
LOOK_EVERY = 1.0
TICK = 0.05
TRIM_EVERY = 60.0
START = 3.0


class Hub:
    """The newest events in memory, once for all clients.

    There is no queue per client: each keeps its place and takes from the window when it has sent what it had. So a slow
    client costs no memory, and one that falls out of the window is told so.
    """

    def __init__(self, feed: PostgresFeed, database: Database) -> None:
        self._feed = feed
        self._database = database
        self._window: Window | None = None
        self._bell = asyncio.Event()
        self._news = asyncio.Event()
        self._reading = asyncio.Lock()
        self.closing = False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Follow the feed until the end of the block."""
        loops = (partial(listen, self._database, "sallyport-main-feed", b"main_feed", self.ring), self._follow)
        tasks = [asyncio.create_task(lasting(loop)) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def ring(self) -> None:
        """There may be news: look now."""
        self._bell.set()

    def close(self) -> None:
        """Let every client go. Called at the signal to stop, for the server waits for its clients."""
        self.closing = True
        self._wake()

    @property
    def following(self) -> bool:
        """Whether clients can be served."""
        return self._window is not None

    async def cursor(self) -> Cursor:
        """Everything up to here is in the database, for whoever looks afterwards."""
        return (await self._followed()).cursor

    async def after(self, cursor: Cursor, viewer: Viewer) -> Batch:
        """What the viewer has not seen. Expired where that cannot be told."""
        window = await self._followed()
        if cursor.epoch == window.cursor.epoch and cursor.seq > window.cursor.seq:
            # Another process was faster than this one.
            with suppress(*UNAVAILABLE):
                await self._read()
            window = await self._followed()
        return window.after(cursor, viewer)

    async def wait(self, cursor: Cursor, viewer: Viewer, seconds: float) -> Batch:
        """Like `after`, but once an event concerns the viewer; without one, after so many seconds or at `close`."""
        deadline = monotonic() + seconds
        looked = cursor
        while True:
            news = self._news
            batch = await self.after(looked, viewer)
            looked = batch.cursor
            left = deadline - monotonic()
            if batch.events or left <= 0 or self.closing:
                return Batch(cursor, batch.cursor, batch.events)
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await news.wait()

    async def _followed(self) -> Window:
        deadline = monotonic() + START
        while self._window is None:
            if self.closing or monotonic() >= deadline:
                raise Problem(503, detail="The feed is not followed yet.", headers={"Retry-After": "1"})
            await asyncio.sleep(0.05)
        return self._window

    async def _follow(self) -> None:
        trimmed = monotonic()
        while True:
            tick = monotonic() + TICK
            try:
                while await self._feed.number() == AT_ONCE:
                    pass
                await self._read()
                if monotonic() - trimmed > TRIM_EVERY:
                    trimmed = monotonic()
                    await self._feed.forget(KEPT)
            except UNAVAILABLE as error:
                logger.warning("not following the feed", extra={"error": type(error).__name__})
                await asyncio.sleep(LOOK_EVERY)
            except Exception:
                # A fault of ours. Until the loop has begun anew, whoever waits for events is told 503.
                self._window = None
                raise
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._bell.wait()
            await asyncio.sleep(tick - monotonic())
            self._bell.clear()

    async def _read(self) -> None:
        """Bring the window up to date."""
        async with self._reading:
            before = self._window.cursor if self._window else None
            while True:
                window = self._window
                epoch, last, events = await self._feed.read(window.cursor.seq if window else 0)
                if window is None:
                    first = events[0].seq - 1 if events else last
                    window = self._window = Window(epoch, first, KEPT)
                if window.cursor.epoch != epoch or last < window.cursor.seq:
                    self._window = None
                    continue
                try:
                    window.extend(events)
                except Gap:
                    # The log was trimmed past our place.
                    self._window = None
                    continue
                if window.cursor.seq >= last:
                    break
            if window.cursor != before:
                self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
