"""Gathers what callers ask for while the last batch is under way, and does it together."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from time import monotonic
from typing import Any, Generic, TypeVar

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
    forsaken: whether a batch whose callers have all gone is cancelled.
    """

    def __init__(
        self,
        do: Callable[[Sequence[Asked]], Coroutine[Any, Any, Sequence[Given]]],
        most: int = 200,
        tick: float = TICK,
        *,
        forsaken: bool = False,
    ) -> None:
        self._do = do
        self._most = most
        self._tick = tick
        self._forsaken = forsaken
        self._next = 0.0
        self._waiting: list[tuple[Asked, asyncio.Future[Given]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def ask(self, item: Asked) -> Given:
        """Have `item` done with the next batch.

        A caller that is cancelled no longer waits; its item is done all the same if its batch has begun, unless that is
        forsaken and nobody else waits for it.
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
        doing = asyncio.create_task(self._do([item for item, _ in batch]))  # noqa: RUF006 - awaited below
        if self._forsaken:
            doing = _forsakable(doing, [answer for _, answer in batch])
        try:
            given = await doing
        except asyncio.CancelledError:
            if not doing.cancelled() or not all(answer.cancelled() for _, answer in batch):
                raise
            return
        except Exception as error:
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), value in zip(batch, given, strict=True):
            if not answer.done():
                answer.set_result(value)


def _forsakable(doing: asyncio.Task[Given], answers: Sequence[asyncio.Future[Any]]) -> asyncio.Task[Given]:
    """The same task, to be cancelled once all who wait for an answer have gone."""

    def gone(_: asyncio.Future[Any]) -> None:
        if all(answer.cancelled() for answer in answers):
            doing.cancel()

    for answer in answers:
        answer.add_done_callback(gone)
    return doing
