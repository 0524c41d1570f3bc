"""Group commit: company is shared, faults too, and nobody is told anything before it is done."""

import asyncio
from collections.abc import Sequence

import pytest

from services.batch import Batch


def test_what_comes_meanwhile_goes_together_and_each_gets_its_own_answer() -> None:
    batches: list[list[int]] = []

    async def do(items: Sequence[int]) -> Sequence[int]:
        batches.append(list(items))
        await asyncio.sleep(0.01)
        return [item * 10 for item in items]

    async def ask() -> list[int]:
        batch = Batch(do, most=4)
        return await asyncio.gather(*(batch.ask(number) for number in range(7)), batch.ask(7))

    assert asyncio.run(ask()) == [number * 10 for number in range(8)]
    assert batches == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_lone_one_goes_at_once_and_those_soon_after_it_go_together() -> None:
    batches: list[list[int]] = []

    async def do(items: Sequence[int]) -> Sequence[int]:
        batches.append(list(items))
        return items

    async def ask() -> None:
        batch = Batch(do, tick=1.0)
        assert await batch.ask(1) == 1
        second = asyncio.create_task(batch.ask(2))
        await asyncio.sleep(0.05)
        third = asyncio.create_task(batch.ask(3))
        await asyncio.sleep(0.05)
        assert batches == [[1]]
        assert list(await asyncio.gather(second, third)) == [2, 3]

    asyncio.run(ask())
    assert batches == [[1], [2, 3]]


def test_a_fault_is_everybodys_and_the_next_batch_is_tried_anew() -> None:
    calls = 0

    async def do(items: Sequence[int]) -> Sequence[int]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("away")
        return items

    async def ask() -> None:
        batch = Batch(do)
        first = await asyncio.gather(batch.ask(1), batch.ask(2), return_exceptions=True)
        assert [str(each) for each in first] == ["away", "away"]
        assert await batch.ask(3) == 3

    asyncio.run(ask())


def test_one_who_gives_up_does_not_take_the_others_along() -> None:
    async def do(items: Sequence[int]) -> Sequence[int]:
        await asyncio.sleep(0.02)
        return items

    async def ask() -> None:
        batch = Batch(do)
        hasty, patient = asyncio.create_task(batch.ask(1)), asyncio.create_task(batch.ask(2))
        await asyncio.sleep(0.005)
        hasty.cancel()
        assert await patient == 2
        with pytest.raises(asyncio.CancelledError):
            await hasty

    asyncio.run(ask())


@pytest.mark.parametrize("forsaken", [True, False])
def test_a_batch_that_nobody_waits_for_is_cancelled_where_that_is_asked_for(forsaken: bool) -> None:
    ended: list[str] = []

    async def do(items: Sequence[int]) -> Sequence[int]:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        ended.append("done")
        return items

    async def ask() -> None:
        batch = Batch(do, forsaken=forsaken)
        callers = [asyncio.create_task(batch.ask(number)) for number in range(2)]
        await asyncio.sleep(0.01)
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        assert await batch.ask(3) == 3

    asyncio.run(ask())
    assert ended == ["cancelled" if forsaken else "done", "done"]


def test_one_who_stays_keeps_the_batch_going() -> None:
    async def do(items: Sequence[int]) -> Sequence[int]:
        await asyncio.sleep(0.02)
        return items

    async def ask() -> None:
        batch = Batch(do, forsaken=True)
        hasty, patient = asyncio.create_task(batch.ask(1)), asyncio.create_task(batch.ask(2))
        await asyncio.sleep(0.005)
        hasty.cancel()
        assert await patient == 2

    asyncio.run(ask())
