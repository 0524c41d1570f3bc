"""A sleep that can be cut short."""

import asyncio
import math
from contextlib import suppress
from time import monotonic


class Alarm:
    """One waiter sleeps until the earliest moment that anybody asked for. A ring before the wait is not lost."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._at = math.inf

    def ring(self, after: float = 0.0) -> None:
        """Wake the waiter in `after` seconds, or earlier if it was to wake earlier."""
        at = monotonic() + after
        if at < self._at:
            self._at = at
            self._changed.set()

    async def wait(self, longest: float) -> None:
        """Sleep until the alarm rings, `longest` seconds at most."""
        self._at = min(self._at, monotonic() + longest)
        while (left := self._at - monotonic()) > 0:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()
        self._at = math.inf
