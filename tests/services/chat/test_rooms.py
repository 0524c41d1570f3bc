"""The loops that keep a process's rooms: they outlive whatever the database says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from psycopg.errors import InternalError_, ReadOnlySqlTransaction
from psycopg_pool import PoolTimeout

from services.main import rooms
from services.main.domain.user import Role, User
from services.main.rooms import Room, Rooms

Marks = Mapping[tuple[int, int], tuple[int, int]]

USER = User(7, "creator", Role.CREATOR)


class Chats:
    """The table of marks. faults: what the next writings raise."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.marks: dict[tuple[int, int], tuple[int, int]] = {}

    async def keep_marks(self, marks: Marks) -> set[int]:
        if self.faults:
            raise self.faults.pop(0)
        self.marks.update(marks)
        return set()

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Any]:
        yield SimpleNamespace(chats=self)


@pytest.fixture(autouse=True)
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MARKS_EVERY", 0.01)
    monkeypatch.setattr(rooms, "LOOK_EVERY", 0.01)
    monkeypatch.setattr("services.loops.loop.PAUSE", 0.01)


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not met():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("fault", [PoolTimeout(), ReadOnlySqlTransaction()])
def test_a_mark_is_written_once_the_database_is_back(fault: Exception) -> None:
    """A client says each once in a connection; what it says meanwhile counts as well."""

    async def scenario() -> None:
        chats = Chats(fault)
        kept = Rooms(chats.work, None)
        async with kept.opened():
            kept.mark(Room(1, 5), USER, 4, 1)
            kept.mark(Room(2, 5), USER, 3, 3)
            await until(lambda: not chats.faults)
            kept.mark(Room(1, 5), USER, 2, 2)
            await until(lambda: chats.marks == {(1, 7): (4, 2), (2, 7): (3, 3)})

    asyncio.run(scenario())


@pytest.mark.parametrize("fault", [ReadOnlySqlTransaction(), InternalError_()])
def test_marks_are_written_again_after_a_fault(fault: Exception) -> None:
    async def scenario() -> None:
        chats = Chats(fault)
        kept = Rooms(chats.work, None)
        async with kept.opened():
            kept.mark(Room(1, 5), USER, 1, 1)
            await until(lambda: not chats.faults)
            kept.mark(Room(1, 5), USER, 2, 2)
            await until(lambda: chats.marks == {(1, 7): (2, 2)})

    asyncio.run(scenario())
