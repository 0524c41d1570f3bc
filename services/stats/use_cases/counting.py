"""Counting registrations: as their events come, and anew from the log."""

from datetime import datetime
from uuid import UUID

from services.stats.use_cases.ports import Work


async def count(work: Work, event: UUID, occurred_at: datetime) -> bool:
    """Count one registration. False when its event came before, and nothing was done."""
    async with work() as counts:
        if not await counts.first_time(event):
            return False
        await counts.add(occurred_at)
        return True


async def rebuild(work: Work) -> tuple[int, int]:
    """Count all anew from the log, in one transaction; how many were counted before and are now.

    An event that is under way meanwhile is counted once: the log has it, for it is written before it is published, so
    it is marked, and is a duplicate when it comes.
    """
    async with work() as counts:
        before = await counts.total()
        await counts.clear()
        await counts.take_log()
        return before, await counts.total()
