"""Reporting a result."""

from services.retry import Outcome
from services.status.domain.job import Order, Result, draw
from services.status.use_cases.ports import Callback, Jobs


async def report(jobs: Jobs, callback: Callback, order: Order, result: Result | None, seed: str | None) -> Outcome:
    """Draw the result if this is the first attempt, keep it, then call back. Later attempts say the same."""
    if result is None:
        result = await jobs.record_result(order.job, draw(order.job, seed))
    return await callback.put(order, result)
