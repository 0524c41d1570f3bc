"""Reporting a result."""

from services.status.domain.job import Drawn, Order, draw
from services.status.use_cases.ports import Jobs


async def result_of(jobs: Jobs, order: Order, drawn: Drawn | None, seed: str | None) -> Drawn:
    """The result, drawn and kept if this is the first attempt. Later attempts say the same."""
    return drawn or await jobs.record_result(order.job, draw(order.job, seed))
