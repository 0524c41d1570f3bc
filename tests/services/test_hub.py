"""The hub's tasks: they outlive whatever the database says."""

import asyncio
from typing import Any, cast

import pytest
from psycopg.errors import InternalError_

from services.main import hub
from services.main.adapters.feed import PostgresFeed
from services.main.hub import Hub
from services.postgres import Database


def test_it_listens_again_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = asyncio.Event()
    faults = [InternalError_()]

    async def listen(*_: object) -> None:
        if faults:
            raise faults.pop()
        heard.set()
        await asyncio.sleep(60)

    class Feed:
        async def number(self) -> int:
            await asyncio.sleep(60)
            return 0

    monkeypatch.setattr(hub, "listen", listen)
    monkeypatch.setattr("services.loops.loop.PAUSE", 0.01)

    async def scenario() -> None:
        async with Hub(cast("PostgresFeed", Feed()), cast("Database", cast("Any", None))).opened(), asyncio.timeout(5):
            await heard.wait()

    asyncio.run(scenario())
