"""The loop that claims, sends and settles, on a store in memory."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

import pytest

from services.outbox import Alarm, Pace, Relay
from services.retry import Answered, Backoff, Dead, Delivered, Outcome, Retry, Unreachable, Verdict

FAST = Pace(concurrency=4, send_timeout=0.2, poll=0.05, grace=0.1)


class AwayError(Exception):
    """The store is away."""


@dataclass(frozen=True)
class Parcel:
    id: int
    attempt: int = 1
    correlation_id: str = "correlation"
    late: float = 0.0

    @property
    def key(self) -> str:
        return str(self.id)


@dataclass
class MemoryStore:
    waiting: list[Parcel]
    failures: int = 0
    settled: dict[int, Verdict] = field(default_factory=dict)
    released: bool = False
    largest: int = 0
    refused: frozenset[int] = frozenset()

    async def claim(self, most: int) -> Sequence[Parcel]:
        if self.failures:
            self.failures -= 1
            raise AwayError
        claimed, self.waiting = self.waiting[:most], self.waiting[most:]
        self.largest = max(self.largest, len(claimed))
        return claimed

    async def next_due(self) -> float | None:
        return None

    async def settle(self, message: Parcel, verdict: Verdict, took: float) -> None:  # noqa: ARG002 the port has it
        if message.id in self.refused:
            raise RuntimeError("a fault of ours")
        self.settled[message.id] = verdict

    async def release(self) -> None:
        self.released = True


def run(
    store: MemoryStore, send: Callable[[Parcel], Awaitable[Outcome]], until: Callable[[], bool], pace: Pace = FAST
) -> float:
    """Run a relay until `until`, then stop it. The seconds that stopping took."""

    async def running() -> float:
        backoff = Backoff(base=0.01, most=0.02)
        relay = Relay(store, send, abandon=abandoned, unavailable=(AwayError,), backoff=backoff, pace=pace)
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            tasks.create_task(relay.run())
            while not until():
                await asyncio.sleep(0.005)
            relay.stop()
            stopped = monotonic()
        return monotonic() - stopped

    return asyncio.run(running())


async def abandoned() -> None:
    """Cut nothing short: what then still flies is cancelled."""


async def accepted(_: Parcel) -> Outcome:
    return Answered(202)


def test_everything_is_sent_and_no_more_than_agreed_at_once() -> None:
    store = MemoryStore([Parcel(number) for number in range(50)])
    flying = most = 0

    async def send(_: Parcel) -> Outcome:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0.002)
        flying -= 1
        return Answered(202)

    run(store, send, lambda: len(store.settled) == 50)
    assert set(store.settled.values()) == {Delivered()}
    assert most == FAST.concurrency


def test_each_outcome_gets_its_verdict_and_none_harms_the_others() -> None:
    store = MemoryStore([Parcel(number) for number in range(5)])

    async def send(parcel: Parcel) -> Outcome:
        match parcel.id:
            case 0:
                return Answered(404)
            case 1:
                raise RuntimeError("a fault of ours")
            case 2:
                await asyncio.sleep(60)
            case 3:
                return Unreachable("ConnectError")
        return Answered(200)

    run(store, send, lambda: len(store.settled) == 5)
    assert store.settled[0] == Dead("answered 404")
    reasons = {number: verdict.reason for number, verdict in store.settled.items() if isinstance(verdict, Retry)}
    assert reasons == {1: "internal RuntimeError", 2: "no answer in time", 3: "ConnectError"}
    assert store.settled[4] == Delivered()


def test_a_receiver_that_is_away_is_spared_by_all_messages() -> None:
    """The first tells for how long: nothing is claimed meanwhile, though there is room."""
    tried: list[int] = []

    async def away(parcel: Parcel) -> Outcome:
        tried.append(parcel.id)
        return Unreachable("away", spare=60.0)

    store = MemoryStore([Parcel(number) for number in range(12)])
    rounds = iter(range(40))
    run(store, away, lambda: len(tried) >= 4 and next(rounds, None) is None)
    assert sorted(tried) == [0, 1, 2, 3]
    assert len(store.waiting) == 8
    assert all(isinstance(verdict, Retry) for verdict in store.settled.values())


def test_a_store_that_is_away_is_waited_for() -> None:
    store = MemoryStore([Parcel(1)], failures=5)
    run(store, accepted, lambda: bool(store.settled))
    assert store.failures == 0


def test_a_verdict_that_cannot_be_written_is_told(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore([Parcel(1), Parcel(2)], refused=frozenset({1}))
    run(store, accepted, lambda: bool(store.settled))
    assert store.settled == {2: Delivered()}
    (told,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert told.__dict__["key"] == "1"
    assert told.exc_info


def test_a_stop_waits_for_what_is_in_flight_then_gives_back() -> None:
    store = MemoryStore([Parcel(1), Parcel(2)])
    sent: list[int] = []

    async def send(parcel: Parcel) -> Outcome:
        sent.append(parcel.id)
        await asyncio.sleep(0.02 if parcel.id == 1 else 60)
        return Answered(202)

    took = run(store, send, lambda: len(sent) == 2, Pace(concurrency=4, send_timeout=60, poll=0.05, grace=0.2))
    assert store.settled == {1: Delivered()}
    assert store.released
    assert took < 2


def test_an_alarm_is_not_lost_and_can_only_be_moved_forward() -> None:
    async def waits() -> list[float]:
        alarm = Alarm()
        took = []
        for before, during, longest in ((0.0, None, 60), (60.0, 0.0, 60), (None, 0.05, 60), (None, 60.0, 0.05)):
            if before is not None:
                alarm.ring(before)
            started = monotonic()
            waiter = asyncio.create_task(alarm.wait(longest))
            await asyncio.sleep(0)
            if during is not None:
                alarm.ring(during)
            await waiter
            took.append(monotonic() - started)
        return took

    already, early, moved, slept = asyncio.run(waits())
    assert max(already, early) < 5
    assert 0.05 <= moved < 5
    assert 0.05 <= slept < 5
