"""Takes events from a topic and has each handled: in order for each key, again after a failure, never lost."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from random import Random, SystemRandom

from services.broker.event import Event, Malformed
from services.broker.port import Broker, Delivery, Subscription, Unavailable
from services.journal import use_correlation_id
from services.metrics import GroupMetrics
from services.retry import Backoff

logger = logging.getLogger(__name__)

Handler = Callable[[Event], Awaitable[None]]

# Seconds after which a consumer that has its hands full looks whether it is to stop.
LANDING = 1.0
# Seconds between two looks at the backlog, and that a look is given to come to its end.
WATCH_EVERY = 5.0
LOOK = 5.0


class Poison(Exception):
    """Raised by a handler: this event can never be handled, whoever tries. It becomes a dead letter at once."""


class Consumer:
    """Runs a handler over a group's events.

    The handler returns when its effects are committed; only then is the event settled, so a process that dies in
    between gets it again, and the handler must know it by its id (services.inbox). A failure holds back only the
    events of the same key, which would otherwise overtake; after `attempts` the event becomes a dead letter, and those
    behind it go on. `unavailable` are the handler's errors that mean "not now": they are tried again without end, for
    a database that is away is no fault of the event.
    """

    def __init__(
        self,
        broker: Broker,
        topic: str,
        group: str,
        handler: Handler,
        *,
        unavailable: tuple[type[Exception], ...] = (),
        attempts: int = 8,
        in_flight: int = 64,
        backoff: Backoff | None = None,
        random: Random | None = None,
    ) -> None:
        self._broker = broker
        self._topic = topic
        self._group = group
        self._handler = handler
        self._unavailable = unavailable
        self._attempts = attempts
        self._in_flight = in_flight
        self._backoff = backoff or Backoff()
        self._random = random or SystemRandom()
        self._stopping = asyncio.Event()
        self._metrics = GroupMetrics(topic, group)

    def stop(self) -> None:
        """Take nothing more; `run` returns once what is being handled is settled, and gives the rest back."""
        self._stopping.set()

    async def run(self) -> None:
        """Consume until told to stop. A broker that is away is waited for."""
        failures = 0
        while not self._stopping.is_set():
            try:
                async with self._broker.subscribe(self._topic, self._group) as subscription:
                    logger.info("subscribed", extra={"topic": self._topic, "group": self._group})
                    failures = 0
                    self._metrics.connected(True)
                    await self._consume(subscription)
            except Unavailable as error:
                self._metrics.connected(False)
                failures += 1
                pause = self._backoff.delay(failures, self._random)
                fields = {"topic": self._topic, "group": self._group, "error": str(error), "pause_s": round(pause, 2)}
                logger.warning("broker unavailable", extra=fields)
                await _pause(self._stopping, pause)

    async def _consume(self, subscription: Subscription) -> None:
        lanes = _Lanes(subscription, self._settle)
        ended = asyncio.Event()
        watching = asyncio.create_task(self._watch(subscription, lanes, ended))
        try:
            while not self._stopping.is_set():
                room = self._in_flight - lanes.waiting
                if room <= 0:
                    await lanes.landing(LANDING)
                    lanes.check()
                    continue
                for delivery in await subscription.receive(room):
                    lanes.put(delivery)
                lanes.check()
        finally:
            ended.set()
            await lanes.close()
            # aiokafka leaves a connection open that is cancelled while it is made.
            await asyncio.wait([watching], timeout=LOOK)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self, subscription: Subscription, lanes: "_Lanes", ended: asyncio.Event) -> None:
        """Tell the metrics how much there is to do, until it ends; whoever consumes finds out what is unavailable."""
        while not ended.is_set():
            try:
                backlog = await subscription.backlog()
                self._metrics.backlog(backlog.waiting, backlog.dead, lanes.oldest(datetime.now(UTC)))
            except Unavailable as error:
                logger.warning("backlog unknown", extra={"error": str(error)})
            except Exception:
                # What is only told must not stop what is done, nor fall silent.
                logger.exception("backlog unknown")
            await _pause(ended, WATCH_EVERY)

    async def _settle(
        self,
        subscription: Subscription,
        delivery: Delivery,
        event: Event | None,
        reason: str,
        closing: asyncio.Event,
    ) -> bool:
        """See one event through: until it is handled or buried. False when the subscription ends before that."""
        if event is None:
            await self._bury(subscription, delivery, reason, {})
            return True
        fields = {"event": str(event.id), "type": event.type}
        with use_correlation_id(event.correlation_id):
            # Those that died with it in hand may have died of anything: after a failure here it is tried once more.
            attempt = max(min(delivery.earlier, self._attempts - 2), 0)
            while True:
                try:
                    await self._handler(event)
                except Poison as error:
                    await self._bury(subscription, delivery, str(error), fields)
                    return True
                except self._unavailable as error:
                    self._metrics.attempt("retry")
                    logger.warning("handler must wait", extra=fields | {"error": type(error).__name__})
                    await _pause(closing, self._backoff.delay(min(attempt + 1, self._attempts), self._random))
                except Exception as error:
                    attempt += 1
                    logger.exception("handler failed", extra=fields | {"attempt": attempt})
                    if attempt >= self._attempts:
                        why = f"{type(error).__name__} at each of {attempt} attempts"
                        await self._bury(subscription, delivery, why, fields)
                        return True
                    self._metrics.attempt("retry")
                    await _pause(closing, self._backoff.delay(attempt, self._random))
                else:
                    await subscription.done(delivery)
                    self._metrics.attempt("handled")
                    self._metrics.settled((datetime.now(UTC) - event.occurred_at).total_seconds())
                    return True
                if closing.is_set():
                    return False

    async def _bury(self, subscription: Subscription, delivery: Delivery, reason: str, fields: dict[str, str]) -> None:
        await subscription.bury(delivery, reason)
        self._metrics.attempt("dead")
        logger.error("dead letter", extra=fields | {"topic": self._topic, "group": self._group, "reason": reason})


async def _pause(ending: asyncio.Event, seconds: float) -> None:
    """Sleep, unless and until it ends."""
    with suppress(TimeoutError):
        await asyncio.wait_for(ending.wait(), seconds)


_Settle = Callable[[Subscription, Delivery, Event | None, str, asyncio.Event], Awaitable[bool]]


class _Lanes:
    """One queue for each key, each with one worker while it holds something."""

    def __init__(self, subscription: Subscription, settle: _Settle) -> None:
        self._subscription = subscription
        self._settle = settle
        self._queues: dict[str, deque[tuple[Delivery, Event | None, str]]] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._landed = asyncio.Event()
        self._failure: BaseException | None = None
        self._closing = asyncio.Event()
        self.waiting = 0

    def put(self, delivery: Delivery) -> None:
        """Raise what a worker met with, and take nothing: what its lane held would be overtaken."""
        self.check()
        try:
            event: Event | None = Event.decode(delivery.body)
            key, reason = event.key if event else "", ""
        except Malformed as error:
            event, key, reason = None, "", f"no event: {error}"
        self.waiting += 1
        self._queues.setdefault(key, deque()).append((delivery, event, reason))
        if key not in self._workers:
            self._workers[key] = asyncio.create_task(self._work(key))

    async def landing(self, longest: float) -> None:
        """Wait until something was settled, or failed; `longest` seconds at most."""
        self._landed.clear()
        await _pause(self._landed, longest)

    def oldest(self, now: datetime) -> float:
        """Seconds since the oldest event that is being handled happened; 0 without one."""
        happened = [lane[0][1].occurred_at for lane in self._queues.values() if lane and lane[0][1] is not None]
        return max((now - min(happened)).total_seconds(), 0.0) if happened else 0.0

    def check(self) -> None:
        """Raise what a worker met with: the connection is gone, most likely."""
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Let each worker end what it handles now. What waits behind goes back to the broker with the subscription."""
        self._closing.set()
        await asyncio.gather(*self._workers.values(), return_exceptions=True)

    async def _work(self, key: str) -> None:
        queue = self._queues[key]
        try:
            # What stands behind an event that was given back must not overtake it.
            while queue and not self._closing.is_set():
                if not await self._settle(self._subscription, *queue[0], self._closing):
                    break
                queue.popleft()
                self.waiting -= 1
                self._landed.set()
        except Exception as error:
            self._failure = self._failure or error
        finally:
            del self._workers[key], self._queues[key]
            self._landed.set()
