"""What the use cases need of the world. The adapters provide it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol, TypeAlias
from uuid import UUID


class Counts(Protocol):
    """The counts and the inbox, within one transaction: it commits when its block ends."""

    async def first_time(self, event: UUID) -> bool:
        """Mark the event as counted. False when it was before."""

    async def add(self, occurred_at: datetime) -> None: ...

    async def total(self) -> int: ...

    async def clear(self) -> None:
        """Drop all counts and marks, with every other process held until the transaction ends."""

    async def take_log(self) -> None:
        """Count and mark every event of the log."""


Work: TypeAlias = Callable[[], AbstractAsyncContextManager[Counts]]
