"""Watching jobs: one look at the database serves all who watch, and each is shown the newest state, not every one."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from uuid import UUID

from services import metrics
from services.postgres import UNAVAILABLE
from services.problem import Problem
from services.status.admission import RETRY_AFTER
from services.status.domain.job import Progress

# Seconds between two looks while anybody watches.
INTERVAL = 0.2


class _Watcher:
    """One who watches a job. It holds one state: a newer one takes the place of one that was not fetched yet."""

    def __init__(self, job: UUID) -> None:
        self.job = job
        self._newest: Progress | None = None
        self._changed = asyncio.Event()

    def show(self, progress: Progress) -> None:
        if progress != self._newest:
            self._newest = progress
            self._changed.set()

    def wake(self) -> None:
        self._changed.set()

    async def fetch(self) -> Progress | None:
        await self._changed.wait()
        self._changed.clear()
        return self._newest


class Watching:
    """Bounds how many watch at once to `most`, and what it costs to one query each `interval` seconds."""

    def __init__(
        self,
        look: Callable[[Collection[UUID]], Awaitable[Mapping[UUID, Progress]]],
        most: int = 1000,
        interval: float = INTERVAL,
    ) -> None:
        self._look = look
        self._most = most
        self._interval = interval
        self._watchers: set[_Watcher] = set()
        self._somebody = asyncio.Event()
        self._stopping = False

    async def run(self) -> None:
        """Look again and again while anybody watches, until cancelled. A database that is away is waited for."""
        while True:
            await self._somebody.wait()
            await asyncio.sleep(self._interval)
            with suppress(*UNAVAILABLE):
                found = await self._look({watcher.job for watcher in self._watchers})
                for watcher in self._watchers:
                    if watcher.job in found:
                        watcher.show(found[watcher.job])

    def stop(self) -> None:
        """End all watches: whoever wants to go on asks again, another process or this one's successor."""
        self._stopping = True
        for watcher in self._watchers:
            watcher.wake()

    async def follow(self, job: UUID) -> AsyncGenerator[Progress, None]:
        """The state now, and each newest one after it, until the job is done.

        Raises a problem: 404 where there is no such job, 429 where too many watch, 503 at a stop.
        """
        if len(self._watchers) >= self._most:
            metrics.REFUSED.labels("watchers").inc()
            detail = f"{self._most} watch already."
            raise Problem(429, "overloaded", detail, headers={"Retry-After": str(RETRY_AFTER)})
        watcher = _Watcher(job)
        self._watchers.add(watcher)
        self._somebody.set()
        try:
            found = await self._look({job})
            if job not in found:
                raise Problem(404, "no-such-job", "There is no job of this id.")
            watcher.show(found[job])
            while progress := await watcher.fetch():
                if self._stopping:
                    raise Problem(503, "stopping", "Ask again.", headers={"Retry-After": "1"})
                yield progress
                if progress.done:
                    return
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                self._somebody.clear()
