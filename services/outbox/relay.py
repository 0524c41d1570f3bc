"""The loop that claims, sends and settles."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random, SystemRandom
from time import monotonic
from typing import Generic, Protocol, TypeVar

from services import metrics
from services.journal import use_correlation_id
from services.outbox.alarm import Alarm
from services.retry import Answered, Backoff, Dead, Outcome, Retry, Unreachable, Verdict, asked_wait, decide

logger = logging.getLogger(__name__)


class Message(Protocol):
    """What the loop needs to know of a message."""

    @property
    def id(self) -> object:
        """Its primary key."""

    @property
    def key(self) -> str:
        """Its name in the logs."""

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""

    @property
    def correlation_id(self) -> str:
        """The request id of the deed that caused it."""

    @property
    def late(self) -> float:
        """Seconds between when it was due and when it was claimed."""


M = TypeVar("M", bound=Message)

# Seconds for which one receiver's Retry-After holds up all messages, at most.
LONGEST_PAUSE = 30.0
OVERLOADED = frozenset({429, 503})


class Store(Protocol[M]):
    """Where the messages lie. See the package's contract."""

    async def claim(self, most: int) -> Sequence[M]: ...

    async def next_due(self) -> float | None:
        """Seconds until the next message is due; None when none waits."""

    async def settle(self, message: M, verdict: Verdict, took: float) -> None:
        """Write down what became of a message; `took`: seconds that the attempt lasted."""

    async def release(self) -> None:
        """Give back, now, whatever this store has claimed and not settled."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much at once, and how long (seconds).

    concurrency: messages in flight at most.
    send_timeout: an attempt that takes longer counts as unreachable.
    poll: the longest sleep, so that a lost notification costs no more than this.
    tick: the shortest pause between two claims, so that what is due at nearly the same time is claimed together.
    grace: how long a stop waits for what is in flight.
    """

    concurrency: int = 64
    send_timeout: float = 10.0
    poll: float = 1.0
    tick: float = 0.02
    grace: float = 5.0

    @classmethod
    def within(cls, lease: float) -> "Pace":
        """A pace whose attempts end while their claim still holds, or work would be done twice."""
        return cls(send_timeout=min(10.0, lease / 2))


class Relay(Generic[M]):
    """Sends what is due until it is told to stop.

    abandon: cuts short all attempts that are under way; called when a stop has waited long enough.
    unavailable: the store's errors that mean "not now".
    """

    def __init__(
        self,
        store: Store[M],
        send: Callable[[M], Awaitable[Outcome]],
        *,
        abandon: Callable[[], Awaitable[None]],
        unavailable: tuple[type[Exception], ...],
        backoff: Backoff,
        pace: Pace = Pace(),
        random: Random | None = None,
    ) -> None:
        self._store = store
        self._send = send
        self._abandon = abandon
        self._unavailable = unavailable
        self._backoff = backoff
        self._pace = pace
        self._random = random or SystemRandom()
        self._alarm = Alarm()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._full = False
        self._asked_until = 0.0
        self._stopping = False

    def wake(self, after: float = 0.0) -> None:
        """Look for due messages in `after` seconds at the latest."""
        self._alarm.ring(after)

    def stop(self) -> None:
        """Claim nothing more; `run` returns once what is in flight is settled or given back."""
        self._stopping = True
        self._alarm.ring()

    async def run(self) -> None:
        failures = 0
        try:
            while not self._stopping:
                try:
                    pause = await self._take()
                    failures = 0
                except self._unavailable as error:
                    failures += 1
                    pause = self._backoff.delay(failures, self._random)
                    fields = {"error": type(error).__name__, "pause_s": round(pause, 2)}
                    logger.warning("store unavailable", extra=fields)
                tick = monotonic() + self._pace.tick
                await self._alarm.wait(pause)
                if not self._stopping:
                    await asyncio.sleep(tick - monotonic())
        finally:
            await self._finish()

    async def _take(self) -> float:
        """Claim as many as there is room for, set them off, and say how long to sleep."""
        if (asked := self._asked_until - monotonic()) > 0:
            return asked
        room = self._pace.concurrency - len(self._in_flight)
        claimed = await self._store.claim(room) if room else ()
        for message in claimed:
            metrics.LATENESS.observe(max(message.late, 0.0))
            task = asyncio.create_task(self._deliver(message))
            self._in_flight.add(task)
            task.add_done_callback(self._landed)
        self._full = len(claimed) == room
        if self._full:
            return self._pace.poll
        due = await self._store.next_due()
        return self._pace.poll if due is None else min(max(due, 0.0), self._pace.poll)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        # More are probably due. Half the room at once, rather than a claim for each message.
        if self._full and len(self._in_flight) <= self._pace.concurrency // 2:
            self._alarm.ring()

    async def _deliver(self, message: M) -> None:
        with use_correlation_id(message.correlation_id):
            began = monotonic()
            outcome = await self._attempt(message)
            took = monotonic() - began
            self._heed(outcome)
            verdict = decide(outcome, message.attempt, self._backoff, self._random, datetime.now(UTC))
            fields: dict[str, object] = {"key": message.key, "attempt": message.attempt}
            # Without a verdict the lease runs out and the message is sent again.
            try:
                await self._store.settle(message, verdict, took)
            except self._unavailable as error:
                logger.warning("verdict not written", extra=fields | {"error": type(error).__name__})
                return
            except Exception:
                logger.exception("verdict not written", extra=fields)
                return
            metrics.ATTEMPTS.labels(type(verdict).__name__.lower()).inc()
            match verdict:
                case Dead(reason):
                    logger.error("dead letter", extra=fields | {"reason": reason})
                case Retry(after, reason):
                    logger.warning("to be sent again", extra=fields | {"reason": reason, "after_s": round(after, 2)})
                case _:
                    logger.info("delivered", extra=fields)

    def _heed(self, outcome: Outcome) -> None:
        """A receiver that is overloaded and says for how long is left alone for that long, by all messages."""
        asked = 0.0
        if isinstance(outcome, Unreachable):
            asked = outcome.spare
        elif isinstance(outcome, Answered) and outcome.status in OVERLOADED:
            asked = asked_wait(outcome.retry_after, datetime.now(UTC))
        if asked:
            self._asked_until = max(self._asked_until, monotonic() + min(asked, LONGEST_PAUSE))

    async def _attempt(self, message: M) -> Outcome:
        try:
            async with asyncio.timeout(self._pace.send_timeout):
                return await self._send(message)
        except TimeoutError:
            return Unreachable("no answer in time")
        except self._unavailable as error:
            return Unreachable(type(error).__name__)
        except Exception as error:
            # A message that trips over a fault of ours must not take the others down with it.
            logger.exception("attempt failed", extra={"key": message.key})
            return Unreachable(f"internal {type(error).__name__}")

    async def _finish(self) -> None:
        if self._in_flight:
            _, late = await asyncio.wait(self._in_flight, timeout=self._pace.grace)
            if late:
                await self._abandon()
                _, late = await asyncio.wait(late, timeout=self._pace.grace / 5)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        try:
            await self._store.release()
        except self._unavailable as error:
            logger.warning("nothing given back", extra={"error": type(error).__name__})
