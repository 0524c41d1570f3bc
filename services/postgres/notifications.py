"""LISTEN: to hear of news at once. Only a hint: whoever listens also polls, for a notification can be lost."""

import asyncio
import logging
from collections.abc import Callable
from random import SystemRandom

from psycopg import AsyncConnection

from services.postgres.database import UNAVAILABLE, Database
from services.retry import Backoff

logger = logging.getLogger(__name__)


async def listen(database: Database, application: str, channel: bytes, heard: Callable[[], None]) -> None:
    """Call `heard` for every notification on `channel`, and after each (re)connection. Runs until cancelled."""
    backoff = Backoff(base=0.5, most=10.0)
    random = SystemRandom()
    failures = 0
    while True:
        try:
            async with await AsyncConnection.connect(**database.arguments(application), autocommit=True) as connection:
                await connection.execute(b"LISTEN " + channel)
                failures = 0
                heard()
                async for _ in connection.notifies():
                    heard()
        except UNAVAILABLE as error:
            failures += 1
            logger.warning("not listening", extra={"error": type(error).__name__})
            await asyncio.sleep(backoff.delay(failures, random))
