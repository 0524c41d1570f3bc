"""Apache Kafka: an idempotent producer with acks=all, and offsets that are committed by hand.

The key chooses the partition, so one key's events stay in order and in one process. An offset says "all before are
done", so only the unbroken run of settled events is committed. Kafka does not count deliveries: an event that kills
its process each time is bounded by nothing but the operator.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from services.broker.event import Event
from services.broker.port import Backlog, Delivery, Letter, Unavailable
from services.broker.settings import BrokerSettings
from services.broker.topology import GROUPS

PARTITIONS = 6
# Bytes of a dead letter: the largest event that the broker takes (message.max.bytes), with a reason besides.
MOST_OF_LETTER = 1_114_112
# Milliseconds.
PATIENCE = 1000
TIMEOUT = 10_000
# Seconds. What takes longer than PATIENT is given up, whatever the library still hopes for; a stop after STOPPING, and
# each part that is left running after REST.
COMMIT_EVERY = 0.2
PATIENT = 10.0
STOPPING = 5.0
REST = 1.0

T = TypeVar("T")

_LOST = (KafkaError, OSError, TimeoutError)


async def _reaching(deed: Awaitable[T], patience: float = PATIENT) -> T:
    """Do something over the network. Raises Unavailable."""
    try:
        return await asyncio.wait_for(deed, patience)
    except _LOST as error:
        raise Unavailable(f"{type(error).__name__}: {error}"[:200]) from error
    except asyncio.CancelledError as error:
        if _cancelled():
            raise
        raise Unavailable("the client ended what it was doing") from error


async def _stopping(deed: Awaitable[None], patience: float = STOPPING) -> bool:
    """Let go of something, which a broker that is away must not hold up. Whether it came to its end."""
    try:
        await _reaching(deed, patience)
    except Unavailable:
        return False
    return True


def _cancelled() -> bool:
    """Whether it is us who were cancelled: the library lets the end of its own tasks out, which is no end of ours."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _stop_producer(producer: AIOKafkaProducer) -> None:
    """What its own `stop` does, which leaves its parts running where it is cut short, for good."""
    producer._closed = True
    await _stopping(producer.flush())
    await _stopping(producer._sender.close(), REST)
    await _stopping(producer.client.close(), REST)


async def _stop_consumer(consumer: AIOKafkaConsumer) -> None:
    """Its `stop`, and where that is cut short, what it leaves running."""
    if not await _stopping(consumer.stop()):
        if isinstance(consumer._coordinator, GroupCoordinator):
            await _stopping(consumer._coordinator._stop_heartbeat_task(), REST)
            await _stopping(consumer._coordinator._stop_commit_offsets_refresh_task(), REST)
        if consumer._fetcher:
            await _stopping(consumer._fetcher.close(), REST)
        await _stopping(consumer._client.close(), REST)


def dead_letters(topic: str, group: str) -> str:
    """The topic of what a group could not handle; the reason is a header."""
    return f"{topic}.{group}.dead"


class Kafka:
    """One producer; one consumer for each subscription."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._access: dict[str, Any] = {
            "bootstrap_servers": f"{settings.host}:{settings.port}",
            "security_protocol": "SASL_SSL",
            "ssl_context": settings.tls(),
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": settings.user,
            "sasl_plain_password": settings.password.reveal(),
            "request_timeout_ms": TIMEOUT,
        }
        self._hold_ms = round(settings.hold * 1000)
        self._producer: AIOKafkaProducer | None = None
        self._opening = asyncio.Lock()
        self._making = asyncio.Lock()
        self._made: set[str] = set()

    async def publish(self, topic: str, event: Event) -> None:
        await self._make(topic)
        await self._send(topic, event.encode(), event.key.encode())

    @asynccontextmanager
    async def subscribe(self, topic: str, group: str) -> AsyncIterator["_Subscription"]:
        await self._make(topic)
        consumer = AIOKafkaConsumer(
            **self._access,
            group_id=f"{topic}.{group}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=self._hold_ms,
            heartbeat_interval_ms=self._hold_ms // 4,
            # A handler that waits for its database keeps its partitions; heartbeats say that the process lives.
            max_poll_interval_ms=3_600_000,
        )
        subscription = _Subscription(self, consumer, topic, group)
        away = False
        try:
            await _reaching(consumer.start())
            consumer.subscribe([topic], listener=subscription)
            yield subscription
        except Unavailable:
            away = True
            raise
        finally:
            # Where the broker did not answer just now, one more question would only hold up a stop.
            if not away:
                with suppress(Unavailable):
                    await subscription.commit()
            await _stop_consumer(consumer)

    @asynccontextmanager
    async def letters(self, topic: str, group: str) -> AsyncIterator["_Letters"]:
        await self._make(topic)
        name = dead_letters(topic, group)
        consumer = AIOKafkaConsumer(**self._access, group_id=f"{topic}.{group}.letters", enable_auto_commit=False)
        letters = _Letters(consumer, lambda letter: self.bury(topic, group, letter.body, letter.reason))
        try:
            await _reaching(consumer.start())
            await _reaching(letters.read([TopicPartition(name, number) for number in range(PARTITIONS)]))
            yield letters
            await letters.settle()
        finally:
            await _stop_consumer(consumer)

    async def announce(self, topic: str, body: bytes) -> None:
        await self._make(f"announce.{topic}")
        await self._send(f"announce.{topic}", body, None)

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator["_Listening"]:
        name = f"announce.{topic}"
        await self._make(name)
        consumer = AIOKafkaConsumer(**self._access, auto_offset_reset="latest", enable_auto_commit=False)
        try:
            await _reaching(consumer.start())
            partitions = [TopicPartition(name, number) for number in range(PARTITIONS)]
            consumer.assign(partitions)
            await _reaching(consumer.seek_to_end(*partitions))
            yield _Listening(consumer)
        finally:
            await _stop_consumer(consumer)

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop_producer(producer)

    async def bury(self, topic: str, group: str, body: bytes, reason: str) -> None:
        """Keep a dead letter. Raises Unavailable."""
        await self._send(dead_letters(topic, group), body, None, [("reason", reason[:500].encode())])

    async def seen_letters(self, topic: str, group: str) -> dict[TopicPartition, int]:
        """Up to where each partition of a group's dead letters was seen to. Raises Unavailable."""
        admin = AIOKafkaAdminClient(**self._access)
        try:
            await _reaching(admin.start())
            found: Any = await _reaching(admin.list_consumer_group_offsets(f"{topic}.{group}.letters"))
            return {partition: place.offset for partition, place in found.items()}
        finally:
            await _stopping(admin.close())

    async def _send(
        self, topic: str, body: bytes, key: bytes | None, headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        producer = await self._open()
        try:
            await _reaching(producer.send_and_wait(topic, body, key=key, headers=list(headers)))
        except Unavailable:
            # An idempotent producer that missed a number is of no use any more: the next one begins anew.
            if self._producer is producer:
                await self.close()
            raise

    async def _open(self) -> AIOKafkaProducer:
        async with self._opening:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._access, acks="all", enable_idempotence=True, linger_ms=2, max_request_size=MOST_OF_LETTER
                )
                try:
                    await _reaching(producer.start())
                except Unavailable:
                    await _stop_producer(producer)
                    raise
                self._producer = producer
            return self._producer

    async def _make(self, topic: str) -> None:
        """Make the topic, and those of its dead letters; what is there stays."""
        # Many who publish at once wait for one who makes it.
        async with self._making:
            if topic not in self._made:
                await self._create(topic)
                self._made.add(topic)

    async def _create(self, topic: str) -> None:
        room = {"max.message.bytes": str(MOST_OF_LETTER)}
        aside = [dead_letters(topic, group) for group in GROUPS.get(topic, ())]
        wanted = [NewTopic(topic, PARTITIONS, 1)]
        wanted += [NewTopic(name, PARTITIONS, 1, topic_configs=room) for name in aside]
        admin = AIOKafkaAdminClient(**self._access)
        try:
            await _reaching(admin.start())
            answer: Any = await _reaching(admin.create_topics(wanted))
            for name, code, *_ in answer.topic_errors:
                refusal = for_code(code)
                if code and refusal is not TopicAlreadyExistsError:
                    raise Unavailable(f"topic {name}: {refusal.__name__}")
        finally:
            await _stopping(admin.close())


class Progress:
    """How far one partition has come: the unbroken run of settled offsets."""

    def __init__(self, first: int) -> None:
        self.next = first
        self.committed = first
        self._ahead: set[int] = set()

    def settle(self, offset: int) -> None:
        """Once or more: after a rebalance a partition brings again what its lanes still hold."""
        self._ahead.add(offset)

    def advance(self, received: Sequence[int]) -> None:
        """Pass over what is settled. `received` are the offsets in their order that are not passed yet."""
        for offset in received:
            if offset not in self._ahead:
                return
            self._ahead.remove(offset)
            self.next = offset + 1


class _Subscription(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, kafka: Kafka, consumer: AIOKafkaConsumer, topic: str, group: str) -> None:
        self._kafka = kafka
        self._consumer = consumer
        self._topic = topic
        self._group = group
        self._progress: dict[TopicPartition, Progress] = {}
        self._received: dict[TopicPartition, list[int]] = {}
        self._committed_at = 0.0

    async def receive(self, most: int) -> Sequence[Delivery]:
        await self._commit_now_and_then()
        found: Any = await _reaching(self._consumer.getmany(timeout_ms=PATIENCE, max_records=most))
        deliveries = []
        for partition, records in found.items():
            if records and partition not in self._progress:
                self._progress[partition] = Progress(records[0].offset)
            self._received.setdefault(partition, []).extend(record.offset for record in records)
            deliveries += [Delivery(record.value or b"", (partition, record.offset)) for record in records]
        return deliveries

    async def done(self, delivery: Delivery) -> None:
        partition, offset = _mark(delivery)
        progress = self._progress.get(partition)
        # A partition that was taken from us meanwhile is another process's: it gets the event again.
        if progress is not None and offset >= progress.next:
            progress.settle(offset)
        await self._commit_now_and_then()

    async def bury(self, delivery: Delivery, reason: str) -> None:
        await self._kafka.bury(self._topic, self._group, delivery.body, reason)
        await self.done(delivery)

    async def backlog(self) -> Backlog:
        waiting = 0
        assigned = list(self._consumer.assignment())
        ends: Any = await _reaching(self._consumer.end_offsets(assigned))
        # What retention removed waits no more.
        starts: Any = await _reaching(self._consumer.beginning_offsets(assigned))
        for partition, end in ends.items():
            committed = await _reaching(self._consumer.committed(partition))
            waiting += end - max(committed or 0, starts[partition])
        name = dead_letters(self._topic, self._group)
        ends = await _reaching(
            self._consumer.end_offsets([TopicPartition(name, number) for number in range(PARTITIONS)])
        )
        seen = await self._kafka.seen_letters(self._topic, self._group)
        return Backlog(waiting, sum(end - seen.get(partition, 0) for partition, end in ends.items()))

    async def commit(self) -> None:
        """Tell the broker how far each partition has come. Raises Unavailable."""
        self._committed_at = asyncio.get_running_loop().time()
        offsets = {}
        for partition, progress in self._progress.items():
            waiting = self._received.get(partition, [])
            progress.advance(waiting)
            self._received[partition] = [offset for offset in waiting if offset >= progress.next]
            if progress.next > progress.committed:
                offsets[partition] = progress.next
        if not offsets:
            return
        await _reaching(self._consumer.commit(offsets))
        for partition, offset in offsets.items():
            if partition in self._progress:
                self._progress[partition].committed = offset

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        with suppress(Unavailable):
            await self.commit()
        for partition in revoked:
            self._progress.pop(partition, None)
            self._received.pop(partition, None)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Nothing to do: progress begins with the first record."""

    async def _commit_now_and_then(self) -> None:
        if asyncio.get_running_loop().time() >= self._committed_at + COMMIT_EVERY:
            await self.commit()


class _Letters:
    """A topic cannot lose a record out of its middle: what stays is written anew at the end before all are passed."""

    def __init__(self, consumer: AIOKafkaConsumer, keep: Callable[[Letter], Awaitable[None]]) -> None:
        self._consumer = consumer
        self._keep = keep
        self._ends: dict[TopicPartition, int] = {}
        self._forgotten: set[object] = set()
        self.all: list[Letter] = []

    async def read(self, partitions: Sequence[TopicPartition]) -> None:
        self._consumer.assign(partitions)
        self._ends = await self._consumer.end_offsets(partitions)
        for partition in partitions:
            first = await self._consumer.committed(partition) or 0
            self._consumer.seek(partition, first)
            if first >= self._ends[partition]:
                self._consumer.pause(partition)
        while not self._consumer.paused() >= set(partitions):
            for partition, records in (await self._consumer.getmany(timeout_ms=PATIENCE)).items():
                for record in records:
                    reason = dict(record.headers).get("reason", b"").decode()
                    self.all.append(Letter(record.value or b"", reason, (partition, record.offset)))
                    if record.offset + 1 >= self._ends[partition]:
                        self._consumer.pause(partition)

    async def forget(self, letter: Letter) -> None:
        self._forgotten.add(letter.mark)

    async def settle(self) -> None:
        """Pass over all when any was forgotten. Raises Unavailable."""
        if not self._forgotten:
            return
        for letter in self.all:
            if letter.mark not in self._forgotten:
                await self._keep(letter)
        await _reaching(self._consumer.commit(self._ends))


class _Listening:
    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def receive(self) -> bytes | None:
        found: Any = await _reaching(self._consumer.getmany(timeout_ms=PATIENCE, max_records=1))
        return next((bytes(record.value) for records in found.values() for record in records), None)


def _mark(delivery: Delivery) -> tuple[TopicPartition, int]:
    assert isinstance(delivery.mark, tuple)
    partition, offset = delivery.mark
    return partition, offset
