"""Gathers what callers ask for while the last batch is under way, and does it together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Generic, TypeVar

# Seconds. A statement and its commit cost about as much for one item as for twenty.
TICK = 0.02

Asked = TypeVar("Asked")
Given = TypeVar("Given")


class Batch(Generic[Asked, Given]):
    """Each caller waits for its own answer, which comes once the whole batch is done: nothing is promised too early.

    do: takes the items of a batch and gives an answer to each, in the same order. What it raises, every caller of the
    batch gets.
    most: items in one batch at most.
    tick: seconds between the beginnings of two batches, at least: under load they are fewer and larger. A caller that
    comes after a quiet time does not wait for company.
    """

    def __init__(
        self, do: Callable[[Sequence[Asked]], Awaitable[Sequence[Given]]], most: int = 200, tick: float = TICK
    ) -> None:
        self._do = do
        self._most = most
        self._tick = tick
        self._next = 0.0
        self._waiting: list[tuple[Asked, asyncio.Future[Given]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def ask(self, item: Asked) -> Given:
        """Have `item` done with the next batch.

        A caller that is cancelled no longer waits; its item is done all the same if its batch has begun.
        """
        answer: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                if (early := self._next - monotonic()) > 0:
                    await asyncio.sleep(early)
                self._next = monotonic() + self._tick
                batch = [entry for entry in self._waiting[: self._most] if not entry[1].done()]
                del self._waiting[: self._most]
                if batch:
                    await self._settle(batch)
        finally:
            self._worker = None

    async def _settle(self, batch: Sequence[tuple[Asked, asyncio.Future[Given]]]) -> None:
        try:
            given = await self._do([item for item, _ in batch])
        except Exception as error:
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), value in zip(batch, given, strict=True):
            if not answer.done():
                answer.set_result(value)
