"""RabbitMQ: quorum queues, publisher confirms, mandatory routing, a dead-letter exchange.

A topic is a durable direct exchange; each of its groups has a quorum queue bound to it. A queue has one active consumer
(`x-single-active-consumer`), or two processes would take a key's events out of order. The library's robust connections
are not used: they hide that a channel was lost, and with it every delivery tag that is still to be settled.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from enum import Enum
from typing import TypeVar

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from services.broker.event import Event
from services.broker.port import Backlog, Delivery, Letter, Unavailable
from services.broker.settings import BrokerSettings
from services.broker.topology import GROUPS

logger = logging.getLogger(__name__)

VIRTUAL_HOST = "sallyport"
# Seconds. A confirm waits for the quorum's disk.
CONFIRM_TIMEOUT = 10.0
CONNECT_TIMEOUT = 5.0
# An event that killed so many processes in a row becomes a dead letter by the broker's own hand.
DELIVERY_LIMIT = 20
# One receive waits so long (seconds).
PATIENCE = 1.0

T = TypeVar("T")

_LOST = (AMQPError, ChannelInvalidStateError, ConnectionError, OSError, TimeoutError, RuntimeError)


async def _reaching(deed: Awaitable[T], seconds: float = CONFIRM_TIMEOUT) -> T:
    """Do something over the network. Raises Unavailable."""
    try:
        return await asyncio.wait_for(deed, seconds)
    except _LOST as error:
        raise Unavailable(f"{type(error).__name__}: {error}"[:200]) from error
    except asyncio.CancelledError as error:
        # The library cancels what waits on a connection that is lost. That is not this task being cancelled.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise Unavailable("the connection was lost") from error


async def _letting_go(deed: Awaitable[None]) -> None:
    """Close something, which a broker that is away must not hold up."""
    with suppress(Unavailable):
        await _reaching(deed, CONNECT_TIMEOUT)


class RabbitMQ:
    """Two connections: one publishes, on one channel; the other consumes, on a channel for each subscription.

    The broker stops reading a connection that publishes while its disk is low. Acknowledgements must not wait behind.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._connections: dict[_Use, AbstractConnection] = {}
        self._publishing: AbstractChannel | None = None
        self._exchanges: dict[str, AbstractExchange] = {}
        self._opening = asyncio.Lock()
        self._declaring = asyncio.Lock()

    async def publish(self, topic: str, event: Event) -> None:
        message = aio_pika.Message(
            event.encode(),
            message_id=str(event.id),
            type=event.type,
            content_type="application/json",
            correlation_id=event.correlation_id,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        exchange = await self._exchange(topic)
        # Mandatory: without a queue behind the exchange a confirm would mean nothing.
        await _reaching(exchange.publish(message, routing_key=topic, mandatory=True))

    @asynccontextmanager
    async def subscribe(self, topic: str, group: str) -> AsyncIterator["_Subscription"]:
        channel = await self._channel(_Use.CONSUME)
        try:
            await _reaching(declare(channel, topic))
            subscription = _Subscription(channel, topic, group)
            await _reaching(subscription.start())
            yield subscription
        finally:
            # What was not settled goes back to its place in the queue.
            await _letting_go(channel.close())

    @asynccontextmanager
    async def letters(self, topic: str, group: str) -> AsyncIterator["_Letters"]:
        channel = await self._channel(_Use.CONSUME)
        try:
            await _reaching(declare(channel, topic))
            queue = await _reaching(channel.get_queue(dead_letters(topic, group), ensure=False))
            found: list[Letter] = []
            while message := await _reaching(queue.get(no_ack=False, fail=False)):
                found.append(Letter(message.body, _reason(message), message))
            yield _Letters(found)
        finally:
            # What was not forgotten goes back to its place.
            await _letting_go(channel.close())

    async def announce(self, topic: str, body: bytes) -> None:
        name = f"announce.{topic}"
        async with self._declaring:
            channel = await self._publisher()
            exchange = self._exchanges.get(name)
            if exchange is None:
                fanout = channel.declare_exchange(name, aio_pika.ExchangeType.FANOUT, durable=True)
                exchange = self._exchanges[name] = await _reaching(fanout)
        await _reaching(exchange.publish(aio_pika.Message(body), routing_key="", mandatory=False))

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator["_Listening"]:
        channel = await self._channel(_Use.CONSUME)
        try:
            listening = _Listening(channel)
            await _reaching(listening.start(f"announce.{topic}"))
            yield listening
        finally:
            await _letting_go(channel.close())

    async def close(self) -> None:
        for use in list(self._connections):
            await self._drop(use)

    async def _exchange(self, topic: str) -> AbstractExchange:
        """The topic's exchange on the publishing channel, with all its queues behind it."""
        # Many who publish at once wait for one who opens the channel and declares.
        async with self._declaring:
            channel = await self._publisher()
            exchange = self._exchanges.get(topic)
            if exchange is None:
                exchange = self._exchanges[topic] = await _reaching(declare(channel, topic))
            return exchange

    async def _publisher(self) -> AbstractChannel:
        if self._publishing is None or self._publishing.is_closed:
            self._publishing, self._exchanges = await self._channel(_Use.PUBLISH), {}
        return self._publishing

    async def _channel(self, use: "_Use") -> AbstractChannel:
        async with self._opening:
            connection = self._connections.get(use)
            if connection is None or connection.is_closed:
                connection = self._connections[use] = await _reaching(self._connect(), CONNECT_TIMEOUT)
            try:
                return await _reaching(self._open(connection), CONNECT_TIMEOUT)
            except Unavailable:
                # The library does not always call a connection closed whose peer was killed.
                await self._drop(use)
                raise

    async def _drop(self, use: "_Use") -> None:
        connection = self._connections.pop(use, None)
        if connection is not None:
            await _letting_go(connection.close())

    async def _connect(self) -> AbstractConnection:
        return await aio_pika.connect(
            host=self._settings.host,
            port=self._settings.port,
            login=self._settings.user,
            password=self._settings.password.reveal(),
            virtualhost=VIRTUAL_HOST,
            ssl=True,
            ssl_context=self._settings.tls(),
            timeout=CONNECT_TIMEOUT,
            # Either side gives up a peer of whom it heard nothing for two of these.
            heartbeat=max(1, round(self._settings.hold / 2)),
        )

    @staticmethod
    async def _open(connection: AbstractConnection) -> AbstractChannel:
        channel = connection.channel(publisher_confirms=True, on_return_raises=True)
        await channel.initialize()
        return channel


class _Use(Enum):
    PUBLISH = "publish"
    CONSUME = "consume"


async def declare(channel: AbstractChannel, topic: str) -> AbstractExchange:
    """Make the topic's exchange, its groups' queues, and the queues of their dead letters; all that is there stays."""
    exchange = await channel.declare_exchange(topic, aio_pika.ExchangeType.DIRECT, durable=True)
    for group in GROUPS[topic]:
        dead = dead_letters(topic, group)
        await channel.declare_queue(dead, durable=True, arguments={"x-queue-type": "quorum"})
        queue = await channel.declare_queue(
            f"{topic}.{group}",
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                "x-single-active-consumer": True,
                "x-delivery-limit": DELIVERY_LIMIT,
                # Straight to the queue of that name, by way of the default exchange, and not lost when that is away.
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": dead,
                "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
            },
        )
        await queue.bind(exchange, routing_key=topic)
    return exchange


def dead_letters(topic: str, group: str) -> str:
    """The queue of what a group could not handle."""
    return f"{topic}.{group}.dead"


class _Incoming:
    """A channel's messages, handed over one batch at a time; the loss of the channel ends the waiting."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._arrived: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
        self.came = 0
        channel.close_callbacks.add(lambda *_: self._arrived.put_nowait(None))

    async def arrive(self, message: AbstractIncomingMessage) -> None:
        self.came += 1
        self._arrived.put_nowait(message)

    async def take(self, most: int) -> list[AbstractIncomingMessage]:
        try:
            first = await asyncio.wait_for(self._arrived.get(), PATIENCE)
        except TimeoutError:
            return []
        found: list[AbstractIncomingMessage | None] = [first]
        while len(found) < most and not self._arrived.empty():
            found.append(self._arrived.get_nowait())
        if None in found or self._channel.is_closed:
            raise Unavailable("the channel was closed")
        return [message for message in found if message is not None]


class _Subscription:
    def __init__(self, channel: AbstractChannel, topic: str, group: str) -> None:
        self._channel = channel
        self._queue = f"{topic}.{group}"
        self._dead = dead_letters(topic, group)
        self._incoming = _Incoming(channel)
        self._settled = 0

    async def start(self) -> None:
        # The broker keeps back what exceeds this, so a slow handler does not fill our memory.
        await self._channel.set_qos(prefetch_count=256)
        queue = await self._channel.get_queue(self._queue, ensure=False)
        await queue.consume(self._incoming.arrive)

    async def receive(self, most: int) -> Sequence[Delivery]:
        return [
            Delivery(message.body, message, _count(message.headers.get("x-delivery-count")))
            for message in await self._incoming.take(most)
        ]

    async def done(self, delivery: Delivery) -> None:
        await _reaching(_message(delivery).ack())
        self._settled += 1

    async def bury(self, delivery: Delivery, reason: str) -> None:
        letter = aio_pika.Message(
            delivery.body, headers={"x-reason": reason[:500]}, delivery_mode=aio_pika.DeliveryMode.PERSISTENT
        )
        exchange = self._channel.default_exchange
        await _reaching(exchange.publish(letter, routing_key=self._dead, mandatory=True))
        await self.done(delivery)

    async def backlog(self) -> Backlog:
        # The broker counts what is ready. What it has handed out is all ours: there is one active consumer.
        return Backlog(
            await self._ready(self._queue) + self._incoming.came - self._settled, await self._ready(self._dead)
        )

    async def _ready(self, name: str) -> int:
        found = await _reaching(self._channel.declare_queue(name, passive=True))
        return found.declaration_result.message_count or 0


class _Letters:
    def __init__(self, found: Sequence[Letter]) -> None:
        self.all = found

    async def forget(self, letter: Letter) -> None:
        assert isinstance(letter.mark, AbstractIncomingMessage)
        await _reaching(letter.mark.ack())


class _Listening:
    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._incoming = _Incoming(channel)

    async def start(self, exchange: str) -> None:
        fanout = await self._channel.declare_exchange(exchange, aio_pika.ExchangeType.FANOUT, durable=True)
        queue = await self._channel.declare_queue(exclusive=True, auto_delete=True)
        await queue.bind(fanout)
        await queue.consume(self._incoming.arrive, no_ack=True)

    async def receive(self) -> bytes | None:
        found: Iterable[AbstractIncomingMessage] = await self._incoming.take(1)
        return next((message.body for message in found), None)


def _message(delivery: Delivery) -> AbstractIncomingMessage:
    assert isinstance(delivery.mark, AbstractIncomingMessage)
    return delivery.mark


def _reason(message: AbstractIncomingMessage) -> str:
    told = message.headers.get("x-reason")
    # Without one it was the broker that gave up (x-death).
    return str(told) if told is not None else f"{DELIVERY_LIMIT} processes died with it"


def _count(header: object) -> int:
    return header if isinstance(header, int) else 0
