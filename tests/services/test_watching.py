"""Watching jobs: one look for all, the newest state for each, and no more who watch than there is room for."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import aclosing
from uuid import UUID

import pytest

from services.problem import Problem
from services.status.domain.job import Progress, Result, Stage
from services.status.watching import Watching

JOBS = [UUID(int=number) for number in range(3)]


class States:
    """The jobs as they are kept; counts how often somebody looks."""

    def __init__(self) -> None:
        self.now = {job: Progress(Stage.WAITING, None, 0) for job in JOBS}
        self.looks: list[set[UUID]] = []

    async def look(self, jobs: Collection[UUID]) -> Mapping[UUID, Progress]:
        self.looks.append(set(jobs))
        return {job: self.now[job] for job in jobs if job in self.now}


def test_a_slow_reader_gets_the_newest_state_and_then_the_end() -> None:
    async def scenario() -> list[Progress]:
        states = States()
        watching = Watching(states.look, interval=0.001)
        looking = asyncio.create_task(watching.run())
        seen = []
        async for progress in watching.follow(JOBS[0]):
            seen.append(progress)
            if len(seen) == 1:
                for attempts in range(1, 6):
                    states.now[JOBS[0]] = Progress(Stage.DRAWN, Result.GROWING, attempts)
                    await asyncio.sleep(0.01)
                states.now[JOBS[0]] = Progress(Stage.DELIVERED, Result.GROWING, 5)
                await asyncio.sleep(0.01)
        looking.cancel()
        return seen

    assert asyncio.run(scenario()) == [
        Progress(Stage.WAITING, None, 0),
        Progress(Stage.DELIVERED, Result.GROWING, 5),
    ]


def test_all_share_one_look_and_nobody_looks_when_nobody_watches() -> None:
    async def scenario() -> None:
        states = States()
        watching = Watching(states.look, interval=0.001)
        looking = asyncio.create_task(watching.run())
        streams = [watching.follow(job) for job in JOBS]
        for stream in streams:
            await anext(stream)
        states.looks.clear()
        await asyncio.sleep(0.02)
        assert states.looks
        assert all(jobs == set(JOBS) for jobs in states.looks)
        for stream in streams:
            await stream.aclose()
        await asyncio.sleep(0.005)
        states.looks.clear()
        await asyncio.sleep(0.02)
        assert states.looks == []
        looking.cancel()

    asyncio.run(scenario())


def test_who_leaves_makes_room() -> None:
    async def scenario() -> None:
        watching = Watching(States().look, most=1)
        async with aclosing(watching.follow(JOBS[0])) as first:
            await anext(first)
            with pytest.raises(Problem) as caught:
                await anext(watching.follow(JOBS[1]))
            assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "2")
        assert await anext(watching.follow(JOBS[1])) == Progress(Stage.WAITING, None, 0)

    asyncio.run(scenario())
