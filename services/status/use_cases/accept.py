"""Taking a job."""

from services.status.domain.job import AnotherJob, Order
from services.status.use_cases.ports import Jobs


async def accept(jobs: Jobs, order: Order, defer: float) -> bool:
    """Keep the job durably. True when it is new; False when the very same was sent before, which changes nothing."""
    if await jobs.add(order, defer):
        return True
    if await jobs.find(order.job) != order:
        raise AnotherJob
    return False
