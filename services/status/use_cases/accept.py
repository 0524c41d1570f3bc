"""Taking a job."""

from services.status.domain.job import AnotherJob, Arrival, Order
from services.status.use_cases.ports import Jobs


async def accept(jobs: Jobs, order: Order, arrival: Arrival) -> bool:
    """Keep the job durably. True when it is new; False when the very same was sent before, which changes nothing."""
    if await jobs.add(order, arrival):
        return True
    if await jobs.find(order.job) != order:
        raise AnotherJob
    return False
