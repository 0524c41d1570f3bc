"""Admission control: how much work is taken in before callers are asked to come again.

Nothing that was accepted is ever dropped to make room: what is refused is refused at the door, with 429.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from services import metrics
from services.postgres import UNAVAILABLE
from services.problem import Problem

# Seconds between two looks at the backlog.
INTERVAL = 1.0
# Seconds after which one that was turned away may come again.
RETRY_AFTER = 2


class Admission:
    """Bounds the backlog and the calls in flight.

    backlog: jobs that may wait. Between two looks, those accepted here count as waiting, so that the bound is passed by
    no more than what other processes take in within a second.
    at_once: calls that may be under way.
    """

    def __init__(self, count: Callable[[int], Awaitable[int]], backlog: int, at_once: int = 500) -> None:
        self._count = count
        self._backlog = backlog
        self._at_once = at_once
        self._waiting = 0
        self._under_way = 0

    async def watch(self) -> None:
        """Look at the backlog again and again, until cancelled."""
        while True:
            with suppress(*UNAVAILABLE):
                self._waiting = await self._count(self._backlog)
            await asyncio.sleep(INTERVAL)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Take one call in. Raises a 429 problem when there is no room."""
        if self._waiting >= self._backlog:
            raise _refused("backlog", f"{self._backlog} jobs wait already.")
        if self._under_way >= self._at_once:
            raise _refused("in-flight", f"{self._at_once} calls are under way.")
        self._under_way += 1
        self._waiting += 1
        try:
            yield
        finally:
            self._under_way -= 1


def _refused(reason: str, detail: str) -> Problem:
    metrics.REFUSED.labels(reason).inc()
    return Problem(429, "overloaded", detail, headers={"Retry-After": str(RETRY_AFTER)})
