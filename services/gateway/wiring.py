"""Puts the parts of the gateway together. `queue`, `sending` and `welcoming` open what they need, and close it."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from random import SystemRandom

from services import metrics, registration
from services.broker import Consumer, open_broker
from services.gateway.adapters.attempts import Handover, PostgresAttempts
from services.gateway.adapters.calls import Caller, caller
from services.gateway.adapters.forgetting import PostgresForgetting
from services.gateway.adapters.guarded import Guarded
from services.gateway.adapters.handing_over import GROUP, TOPIC, hand_over
from services.gateway.adapters.mail import MailProvider
from services.gateway.adapters.messages import Pool, PostgresMessages
from services.gateway.adapters.telegram import TelegramProvider
from services.gateway.adapters.vk import VkProvider
from services.gateway.domain.message import Channel
from services.gateway.entrypoints.registrations import greeting
from services.gateway.loop import Sender, handling, keep_house, tend
from services.gateway.settings import QueueSettings, SenderSettings, WelcomeSettings
from services.gateway.use_cases.ports import Provider
from services.gateway.use_cases.send import Means
from services.outbox import Pace, PostgresStore, Relay, keep_gauges
from services.postgres import UNAVAILABLE, Queries, listen
from services.retry import Backoff
from services.transport import Bearer

POOL_SIZE = 10
# Messages that are sent at the same time, of all channels: more than each channel's bound (handing_over.sql) in sum, so
# that a channel whose provider hangs holds up no other.
AT_ONCE = 128


@dataclass(frozen=True, slots=True)
class Parts:
    """What the queue API works with."""

    pool: Pool
    queries: Queries
    messages: PostgresMessages
    channels: frozenset[Channel]
    token: Bearer


@asynccontextmanager
async def queue(settings: QueueSettings) -> AsyncIterator[Parts]:
    """The queue API's parts. A database that is away at the start makes us unready, not dead."""
    queries = Queries.of_package("services.gateway")
    pool = settings.database.pool("sallyport-gateway", POOL_SIZE)
    await pool.open(wait=False)
    metrics.watch_pool(pool)
    try:
        messages = PostgresMessages(pool, queries)
        yield Parts(pool, queries, messages, settings.channels, Bearer(settings.token))
    finally:
        await pool.close()


@asynccontextmanager
async def sending(settings: SenderSettings) -> AsyncIterator[Sender]:
    """The sender. A database or a broker that is away is waited for."""
    queries = Queries.of_package("services.gateway")
    pool = settings.database.pool("sallyport-sender", POOL_SIZE)
    attempts = PostgresAttempts(pool, queries, settings.lease)
    broker = open_broker(settings.broker)
    relay = Relay(
        PostgresStore(pool, queries, Handover, settings.lease),
        partial(hand_over, broker),
        abandon=broker.close,
        unavailable=UNAVAILABLE,
        backoff=Backoff(least=1.0),
        pace=Pace.within(settings.lease),
    )
    tls = ssl.create_default_context(cafile=str(settings.providers_ca) if settings.providers_ca else None)
    async with caller(tls, settings.send_seconds) as calls:
        means = Means(attempts, _providers(settings, tls, calls), settings.policy, SystemRandom())
        handler = handling(means, relay.wake)
        consumer = Consumer(broker, TOPIC, GROUP, handler, unavailable=UNAVAILABLE, in_flight=AT_ONCE)
        await pool.open(wait=False)
        metrics.watch_pool(pool)
        try:
            yield Sender(
                relay,
                consumer,
                partial(listen, settings.database, "sallyport-sender-listen", b"gateway_messages", relay.wake),
                partial(tend, attempts, means, settings.rates),
                partial(keep_house, PostgresForgetting(pool, queries, settings.keeping)),
                partial(keep_gauges, pool, queries),
            )
        finally:
            await broker.close()
            await pool.close()


@asynccontextmanager
async def welcoming(settings: WelcomeSettings) -> AsyncIterator[Consumer]:
    """The consumer that has new users greeted, not yet running."""
    pool = settings.database.pool("sallyport-welcome", POOL_SIZE)
    broker = open_broker(settings.broker)
    handle = greeting(PostgresMessages(pool, Queries.of_package("services.gateway")), settings.channels)
    await pool.open(wait=False)
    metrics.watch_pool(pool)
    try:
        yield Consumer(broker, registration.TOPIC, registration.WELCOME, handle, unavailable=UNAVAILABLE)
    finally:
        await broker.close()
        await pool.close()


def _providers(settings: SenderSettings, tls: ssl.SSLContext, calls: Caller) -> dict[Channel, Provider]:
    every: dict[Channel, Provider] = {
        Channel.EMAIL: MailProvider(settings.mail, tls, settings.send_seconds),
        Channel.TELEGRAM: TelegramProvider(calls, settings.telegram_url, settings.telegram_token),
        Channel.VK: VkProvider(calls, settings.vk_url, settings.vk_token),
    }
    return {channel: Guarded(every[channel], settings.send_seconds) for channel in settings.channels}
