"""A trial: events go from an outbox through a broker into effects, by processes that may be killed on their way."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

from services.broker import BrokerSettings, Event
from tests.services.broker.effects import Effects
from tests.services.broker.report import Outcome

GROUP = "group"
PUBLISHER, CONSUMER = "publish", "consume"
# Longer than any broker and any client needs to find its way back.
WAIT_SECONDS = 60.0
# Events a second, and how many happen at once.
RATE, STEP = 300.0, 15


class Trial:
    """A publisher and a consumer, which are started again at once when they are killed, as their units would be."""

    def __init__(self, settings: BrokerSettings, effects: Effects, events: Sequence[Event]) -> None:
        self._settings = settings
        self._effects = effects
        self._events = events
        self._topic = f"trial{uuid4().hex[:10]}"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ended = threading.Event()
        self._feeding = threading.Thread(target=self._feed)

    def __enter__(self) -> Self:
        for role in (PUBLISHER, CONSUMER):
            self._start(role)
        self._effects.store(self._events[:1])
        self.reach(1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._feeding.ident is not None:
            self._feeding.join()
        for process in self._running.values():
            process.kill()
            process.wait()

    def feed(self) -> None:
        """Let the events happen, RATE a second."""
        self._feeding.start()

    def feed_at_once(self) -> None:
        """Let all of them happen now."""
        self._effects.store(self._events[1:])

    def kill(self, role: str) -> None:
        """Kill -9, and start again."""
        self._running[role].kill()
        self._running[role].wait()
        self._start(role)

    def reach(self, effects: int) -> None:
        """Wait until so many events had their effects."""
        self._until(lambda: self._effects.count(GROUP) >= effects, f"{effects} effects")

    def stall(self, seconds: float) -> float:
        """Wait until there was no effect for so long; return how long ago the last one was (seconds)."""
        seen, since = -1, time.monotonic()

        def still() -> bool:
            nonlocal seen, since
            now = self._effects.count(GROUP)
            if now != seen:
                seen, since = now, time.monotonic()
            return time.monotonic() >= since + seconds

        self._until(still, "a standstill")
        return time.monotonic() - since

    def finish(self, fault: str, lasted: float = 0.0) -> Outcome:
        """Wait for the last event, and count. `lasted`: seconds for which the fault was there."""
        wanted = {event.id for event in self._events}
        if self._feeding.ident is not None:
            # The patience is for the last event's way, not for its happening: on a busy machine that takes long.
            self._feeding.join()
        self._until(lambda: self._distinct() >= len(wanted), "the last effect")
        done = self._effects.of(GROUP)
        return Outcome(
            broker=self._settings.kind.value,
            fault=fault,
            events=len(wanted),
            lost=len(wanted - {event for event, _, __ in done}),
            doubled=len(done) - len({event for event, _, __ in done}),
            reordered=overtaken(done),
            redelivered=self._effects.deliveries(GROUP) - len(wanted),
            standstill=max(0.0, self._effects.longest_pause(GROUP) - lasted),
        )

    def _feed(self) -> None:
        for start in range(1, len(self._events), STEP):
            self._effects.store(self._events[start : start + STEP])
            if self._ended.wait(STEP / RATE):
                return

    def _distinct(self) -> int:
        return len({event for event, _, __ in self._effects.of(GROUP)})

    def _start(self, role: str) -> None:
        given = {
            "kind": self._settings.kind.value,
            "port": self._settings.port,
            "ca": str(self._settings.ca),
            "hold": self._settings.hold,
            "conninfo": self._effects.conninfo,
            "topic": self._topic,
            "group": GROUP,
        }
        self._running[role] = subprocess.Popen(
            [sys.executable, "-m", "tests.services.broker.process", role, json.dumps(given)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come; {self._effects.unsent()} events are still unsent"
            assert self._running[CONSUMER].poll() is None, "the consumer ended"
            assert self._running[PUBLISHER].poll() is None, "the publisher ended"
            time.sleep(0.02)


def overtaken(effects: Sequence[tuple[UUID, str, int]]) -> int:
    """How many effects came after one of a later place of their key."""
    last: dict[str, int] = {}
    count = 0
    for _, key, place in effects:
        count += place < last.get(key, -1)
        last[key] = max(place, last.get(key, -1))
    return count
