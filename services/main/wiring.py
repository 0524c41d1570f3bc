"""Puts the parts of the main service together. Nothing is opened here; `opened` does that."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from argon2 import PasswordHasher

from services import metrics
from services.batch import Batch
from services.main.adapters.feed import PostgresFeed
from services.main.adapters.passwords import Argon2Passwords
from services.main.adapters.pictures import shipped_pictures
from services.main.adapters.unit import Pool, whole_on, work_on
from services.main.hub import Hub
from services.main.rooms import Rooms
from services.main.settings import MainSettings
from services.main.use_cases.callback import Delivery, take_results
from services.main.use_cases.ports import Passwords, Work
from services.postgres import Queries
from services.signing import SigningKey
from services.tracing import Tracing
from services.transport import Bearer

POOL_SIZE = 10


@dataclass(frozen=True, slots=True)
class Parts:
    """What the entry points work with. whole: the transaction that `work` joins inside its block."""

    environment: str
    public_origins: frozenset[str]
    pool: Pool
    queries: Queries
    work: Work
    whole: Work
    results: Batch[Delivery, bool | Exception]
    passwords: Passwords
    pictures: frozenset[str]
    callback_token: Bearer
    signing_key: SigningKey
    tracing: Tracing
    hub: Hub
    statistics_zone: str
    rooms: Rooms


def wire(settings: MainSettings) -> Parts:
    queries = Queries.of_package("services.main")
    pool = settings.database.pool("sallyport-main", POOL_SIZE)
    metrics.watch_pool(pool)
    tracing = Tracing("main", settings.environment, settings.collector, settings.database.ca)
    work = work_on(pool, queries, settings.session_key, tracing)
    return Parts(
        environment=settings.environment,
        public_origins=settings.public_origins,
        pool=pool,
        queries=queries,
        work=work,
        whole=whole_on(pool, queries, settings.session_key, tracing),
        # Callbacks that come at the same time share one transaction.
        results=Batch(partial(take_results, work)),
        passwords=Argon2Passwords(PasswordHasher()),
        pictures=shipped_pictures(),
        callback_token=Bearer(settings.callback_token, settings.callback_token_previous),
        signing_key=SigningKey(settings.callback_signing_key.reveal()),
        tracing=tracing,
        hub=Hub(PostgresFeed(pool, queries), settings.database),
        statistics_zone=settings.statistics_zone,
        rooms=Rooms(work, settings.broker),
    )


def let_go(parts: Parts) -> None:
    """End the answers and sockets that have no end of their own."""
    parts.hub.close()
    parts.rooms.close()


@asynccontextmanager
async def opened(parts: Parts) -> AsyncIterator[None]:
    """Open the pool in the background: a database that is away at the start makes us unready, not dead."""
    await parts.pool.open(wait=False)
    try:
        async with parts.hub.opened(), parts.rooms.opened():
            yield
    finally:
        await parts.pool.close()
        parts.tracing.close()
