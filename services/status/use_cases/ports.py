"""What the use cases need of the world. The adapters provide it."""

from collections.abc import Collection, Mapping
from typing import Protocol
from uuid import UUID

from services.status.domain.job import Arrival, Drawn, Order, Progress, Result


class Jobs(Protocol):
    async def add(self, order: Order, arrival: Arrival) -> bool:
        """Keep a job, to be due after the wait; True once it is on disk. False when its id is there already."""

    async def find(self, job: UUID) -> Order | None: ...

    async def record_result(self, job: UUID, result: Result) -> Drawn:
        """Keep the result unless there is one. The result that counts."""

    async def progress(self, jobs: Collection[UUID]) -> Mapping[UUID, Progress]:
        """How far those of the jobs have come that there are."""
