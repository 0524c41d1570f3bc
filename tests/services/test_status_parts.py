"""The parts of the async service, in the tests' own process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from psycopg.errors import InternalError_

from services.broker.port import Backlog
from services.outbox import PostgresStore
from services.problem import Problem
from services.settings import Source
from services.status import admission, app
from services.status.adapters.jobs import PostgresJobs
from services.status.settings import StatusSettings
from services.status.wiring import wired
from tests.services.processes import Launcher


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process watches one pool, and this one opens several."""
    monkeypatch.setattr("services.metrics.watch_pool", lambda _: None)


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


def test_claims_are_given_back_while_the_broker_hangs(
    launcher: Launcher, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop has seconds, and a broker that is frozen keeps whoever leaves it for longer."""
    subscribed, released = asyncio.Event(), asyncio.Event()

    class Frozen:
        @asynccontextmanager
        async def subscribe(self, *_: str) -> AsyncIterator["Frozen"]:
            try:
                yield self
            finally:
                await asyncio.sleep(60)

        async def receive(self, _: int) -> tuple[()]:
            subscribed.set()
            await asyncio.sleep(0.01)
            return ()

        async def backlog(self) -> Backlog:
            return Backlog(0, 0)

    async def serve(_: object, __: object, stopping: Callable[[], None]) -> None:
        await subscribed.wait()
        stopping()

    async def release(_: object) -> None:
        released.set()

    monkeypatch.setattr(app, "open_broker", lambda _: Frozen())
    monkeypatch.setattr(app, "serve", serve)
    monkeypatch.setattr(PostgresStore, "release", release)
    reached = {"SP_TRANSPORT": "broker", "SP_BROKER_HOST": "localhost", "SP_BROKER_USER": "sallyport"}

    async def scenario() -> None:
        running = asyncio.create_task(app.run(settings(launcher, database, **reached)))
        async with asyncio.timeout(5):
            await released.wait()
        assert not running.done()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    asyncio.run(scenario())
