"""A task that is cancelled ends, whatever it waits for."""

import asyncio
import sys
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


def mend_wait_for() -> None:
    """Give Python 3.11 the `asyncio.wait_for` of 3.12. Called once, before the loop runs.

    The older one returns a result although it was cancelled, where both come in the same turn of the loop
    (https://github.com/python/cpython/issues/86296). redis-py waits so for each command, and psycopg's pool and
    aio-pika do too: a loop around them that was cancelled at a stop ran on, and whoever waited for it never ended.
    """
    if sys.version_info < (3, 12):
        asyncio.wait_for = _wait_for  # type: ignore[assignment]  # typeshed names generators, too


async def _wait_for(awaitable: Awaitable[T], timeout: float | None) -> T:
    """Raises TimeoutError after `timeout` seconds; None waits without end."""
    if timeout is not None and timeout <= 0:
        future = asyncio.ensure_future(awaitable)
        # In the same turn, as the original: what is done already is no time-out.
        if not future.done():
            future.cancel()
            await asyncio.wait([future])
        if future.cancelled():
            raise TimeoutError
        return future.result()
    async with asyncio.timeout(timeout):
        return await awaitable
