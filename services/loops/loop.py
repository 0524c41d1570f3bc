"""A loop that goes on whatever happens in it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

# Seconds.
PAUSE = 1.0


async def lasting(loop: Callable[[], Awaitable[None]]) -> None:
    """Run a loop, and again whenever it ends, until cancelled.

    For a task that nobody waits for: an error in it, foreseen by nobody, would end it unseen, and the process would
    live on by half.
    """
    while True:
        try:
            await loop()
        except Exception:
            logger.exception("a loop begins anew")
        await asyncio.sleep(PAUSE)
