"""The parts of the async service, in the tests' own process."""

import asyncio
from pathlib import Path

import pytest
from psycopg.errors import InternalError_

from services.problem import Problem
from services.settings import Source
from services.status import admission
from services.status.adapters.jobs import PostgresJobs
from services.status.settings import StatusSettings
from services.status.wiring import wired
from tests.services.processes import Launcher


def settings(launcher: Launcher, database: str, **given: str) -> StatusSettings:
    environment = launcher.status(database, "https://localhost:1", **given)[0].environment
    return StatusSettings.read(Source(environment, Path(environment["CREDENTIALS_DIRECTORY"])))


def test_admission_goes_on_looking_after_a_fault(
    launcher: Launcher, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a look the backlog only grows, and sooner or later everybody is turned away."""
    faults = [InternalError_()]
    accepted = asyncio.Event()

    async def count(_: PostgresJobs, __: int) -> int:
        await accepted.wait()
        if faults:
            raise faults.pop()
        return 0

    monkeypatch.setattr(PostgresJobs, "count_waiting", count)
    monkeypatch.setattr(admission, "INTERVAL", 0.01)
    monkeypatch.setattr("services.loops.loop.PAUSE", 0.01)

    async def scenario() -> None:
        async with wired(settings(launcher, database, SP_BACKLOG_MOST="1")) as parts, asyncio.timeout(5):
            with parts.admission.entered():
                pass
            with pytest.raises(Problem), parts.admission.entered():
                pass
            accepted.set()
            while True:
                await asyncio.sleep(0.01)
                try:
                    with parts.admission.entered():
                        return
                except Problem:
                    pass

    asyncio.run(scenario())
