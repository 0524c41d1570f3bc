"""Redis: a stream for each topic, a consumer group for each group, and `appendfsync always` on the server.

Streams have no single active consumer, so a group's consumer holds a lock that it renews; whoever takes over claims
what the one before left pending, at once and in order, before anything new. Should a process be frozen for longer than
the lock holds, two may handle one key's events for a moment: the inbox keeps effects single, their order is then not
promised.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from uuid import uuid4

from redis.asyncio import BlockingConnectionPool, SSLConnection
from redis.asyncio import Redis as Client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from services.broker.event import Event
from services.broker.port import Backlog, Delivery, Letter, Unavailable
from services.broker.settings import BrokerSettings
from services.broker.topology import GROUPS

# Seconds.
TRIMMED_EVERY = 60.0
PATIENCE_MS = 1000
TIMEOUT = 5.0
# A backlog that must be counted one by one is counted no further.
MOST_COUNTED = 1000
CONNECTIONS = 32
CONSUMER = "active"

_BODY, _REASON = b"body", b"reason"
_RENEW = (
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) else return 0 end"
)
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end"

T = TypeVar("T")


async def _reaching(deed: Awaitable[T]) -> T:
    """Do something over the network. Raises Unavailable."""
    try:
        return await deed
    except (RedisError, OSError, TimeoutError) as error:
        raise Unavailable(f"{type(error).__name__}: {error}"[:200]) from error


def stream(topic: str) -> str:
    """The key of a topic's events."""
    return f"events:{topic}"


def dead_letters(topic: str, group: str) -> str:
    """The key of what a group could not handle: a stream with `body` and `reason`."""
    return f"dead:{topic}:{group}"


class RedisStreams:
    """A pool of connections."""

    def __init__(self, settings: BrokerSettings) -> None:
        # As many as are of use: whoever finds none free waits for one.
        pool = BlockingConnectionPool(
            connection_class=SSLConnection,
            max_connections=CONNECTIONS,
            timeout=TIMEOUT,
            host=settings.host,
            port=settings.port,
            username=settings.user,
            password=settings.password.reveal(),
            ssl_ca_certs=str(settings.ca),
            ssl_check_hostname=True,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            health_check_interval=10,
            # Whoever calls tries again; the library's own attempts in a row would keep it waiting for a minute.
            retry=Retry(NoBackoff(), 0),
        )
        self._client: Client = Client.from_pool(pool)
        self._hold = settings.hold
        self._made: set[str] = set()
        self._making = asyncio.Lock()

    async def publish(self, topic: str, event: Event) -> None:
        await self.make(topic)
        await _reaching(self._client.xadd(stream(topic), {_BODY: event.encode()}))

    @asynccontextmanager
    async def subscribe(self, topic: str, group: str) -> AsyncIterator["_Subscription"]:
        self._made.discard(topic)
        await self.make(topic)
        lock = _Lock(self._client, f"lock:{topic}:{group}", self._hold)
        await lock.take()
        keeping = asyncio.create_task(lock.keep())
        try:
            yield _Subscription(self._client, topic, group, lock)
        finally:
            keeping.cancel()
            await lock.release()

    @asynccontextmanager
    async def letters(self, topic: str, group: str) -> AsyncIterator["_Letters"]:
        key = dead_letters(topic, group)
        entries: Any = await _reaching(self._client.xrange(key))
        found = [Letter(bytes(fields[_BODY]), _text(fields[_REASON]), identifier) for identifier, fields in entries]
        yield _Letters(self._client, key, found)

    async def announce(self, topic: str, body: bytes) -> None:
        await _reaching(self._client.publish(f"announce:{topic}", body))

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator["_Listening"]:
        ear = self._client.pubsub()
        try:
            await _reaching(ear.subscribe(f"announce:{topic}"))
            yield _Listening(ear)
        finally:
            with suppress(RedisError, OSError):
                await ear.aclose()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        with suppress(RedisError, OSError):
            await self._client.aclose()

    async def make(self, topic: str) -> None:
        """Make the topic's groups, so that nothing published from now on passes any of them by."""
        # Many who publish at once wait for one who makes them.
        async with self._making:
            for group in GROUPS[topic] if topic not in self._made else ():
                try:
                    await _reaching(self._client.xgroup_create(stream(topic), group, id="0", mkstream=True))
                except Unavailable as error:
                    if not isinstance(error.__cause__, ResponseError) or "BUSYGROUP" not in str(error):
                        raise
            self._made.add(topic)


class _Lock:
    """Held by the one process that consumes for a group; it ends by itself `hold` seconds after its last renewal."""

    def __init__(self, client: Client, name: str, hold: float) -> None:
        self._hold = hold
        self._client = client
        self._name = name
        self._token = uuid4().hex
        self._until = 0.0

    async def take(self) -> None:
        """Raises Unavailable while another process holds it."""
        started = time.monotonic()
        taken = await _reaching(self._client.set(self._name, self._token, nx=True, px=int(self._hold * 1000)))
        if not taken:
            raise Unavailable("another process consumes for this group")
        self._until = started + self._hold

    async def keep(self) -> None:
        """Renew it until cancelled, however busy the handlers are."""
        milliseconds = str(int(self._hold * 1000))
        while True:
            await asyncio.sleep(self._hold / 4)
            now = time.monotonic()
            with suppress(Unavailable):
                if not await _reaching(self._client.eval(_RENEW, 1, self._name, self._token, milliseconds)):
                    self._until = 0.0
                    return
                self._until = now + self._hold

    def check(self) -> None:
        """Raises Unavailable when it is ours no longer."""
        if time.monotonic() >= self._until:
            raise Unavailable("the group's lock was lost")

    async def release(self) -> None:
        with suppress(Unavailable):
            await _reaching(self._client.eval(_RELEASE, 1, self._name, self._token))


class _Subscription:
    def __init__(self, client: Client, topic: str, group: str, lock: _Lock) -> None:
        self._client = client
        self._topic = topic
        self._group = group
        self._lock = lock
        # Where the walk through what the process before left has come to; None once it is through.
        self._left: str | None = "0-0"
        self._trimmed = time.monotonic()

    async def receive(self, most: int) -> Sequence[Delivery]:
        self._lock.check()
        if self._left is not None:
            return await self._take_over(most)
        await self._trim()
        answer: Any = await _reaching(
            self._client.xreadgroup(self._group, CONSUMER, {stream(self._topic): ">"}, count=most, block=PATIENCE_MS)
        )
        return [_delivery(entry) for _, entries in _pairs(answer) for entry in entries]

    async def done(self, delivery: Delivery) -> None:
        await _reaching(self._client.xack(stream(self._topic), self._group, _mark(delivery)))

    async def bury(self, delivery: Delivery, reason: str) -> None:
        async with self._client.pipeline(transaction=True) as both:
            both.xadd(dead_letters(self._topic, self._group), {_BODY: delivery.body, _REASON: reason[:500]})
            both.xack(stream(self._topic), self._group, _mark(delivery))
            await _reaching(both.execute())

    async def backlog(self) -> Backlog:
        groups: Any = await _reaching(self._client.xinfo_groups(stream(self._topic)))
        dead = await _reaching(self._client.xlen(dead_letters(self._topic, self._group)))
        own = next(each for each in groups if _text(each["name"]) == self._group)
        lag = own["lag"]
        if lag is None:
            # Redis does not know it after some trimmings (XINFO GROUPS): count what was not handed out yet.
            after = f"({_text(own['last-delivered-id'])}"
            ahead: Any = await _reaching(self._client.xrange(stream(self._topic), min=after, count=MOST_COUNTED))
            lag = len(ahead)
        return Backlog(int(own["pending"]) + int(lag), int(dead))

    async def _take_over(self, most: int) -> Sequence[Delivery]:
        """The next of those that were handed out before and never settled. The lock says that nobody works on them."""
        assert self._left is not None
        key = stream(self._topic)
        answer: Any = await _reaching(
            self._client.xautoclaim(key, self._group, CONSUMER, min_idle_time=0, start_id=self._left, count=most)
        )
        following, entries = _text(answer[0]), answer[1]
        self._left = None if following == "0-0" else following
        if not entries:
            return []
        pending: Any = await _reaching(
            self._client.xpending_range(key, self._group, min=entries[0][0], max=entries[-1][0], count=len(entries))
        )
        # This claim is the last of those counted.
        counts = {_text(each["message_id"]): int(each["times_delivered"]) - 1 for each in pending}
        return [_delivery(entry, counts.get(_text(entry[0]), 0)) for entry in entries]

    async def _trim(self) -> None:
        """Forget, now and then, what every group is done with."""
        if time.monotonic() < self._trimmed + TRIMMED_EVERY:
            return
        self._trimmed = time.monotonic()
        key = stream(self._topic)
        groups: Any = await _reaching(self._client.xinfo_groups(key))
        needed: list[tuple[int, int]] = []
        for group in groups:
            pending: Any = await _reaching(self._client.xpending(key, _text(group["name"])))
            needed.append(_order(pending["min"] if pending["pending"] else group["last-delivered-id"]))
        milliseconds, number = min(needed)
        await _reaching(self._client.xtrim(key, minid=f"{milliseconds}-{number}", approximate=True))


class _Letters:
    def __init__(self, client: Client, key: str, found: Sequence[Letter]) -> None:
        self._client = client
        self._key = key
        self.all = found

    async def forget(self, letter: Letter) -> None:
        assert isinstance(letter.mark, bytes)
        await _reaching(self._client.xdel(self._key, letter.mark))


class _Listening:
    def __init__(self, ear: Any) -> None:
        self._ear = ear

    async def receive(self) -> bytes | None:
        message = await _reaching(self._ear.get_message(ignore_subscribe_messages=True, timeout=PATIENCE_MS / 1000))
        return None if message is None else bytes(message["data"])


def _pairs(answer: Any) -> list[tuple[Any, list[Any]]]:
    """XREADGROUP's answer: a list in RESP2, a mapping in RESP3, nothing when the wait was in vain."""
    if not answer:
        return []
    if isinstance(answer, dict):
        return [(name, [entry for batch in batches for entry in batch]) for name, batches in answer.items()]
    return list(answer)


def _delivery(entry: Any, earlier: int = 0) -> Delivery:
    identifier, fields = entry
    return Delivery(bytes((fields or {}).get(_BODY, b"")), _text(identifier), earlier)


def _mark(delivery: Delivery) -> str:
    assert isinstance(delivery.mark, str)
    return delivery.mark


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _order(identifier: bytes | str) -> tuple[int, int]:
    milliseconds, _, number = _text(identifier).partition("-")
    return int(milliseconds), int(number)
