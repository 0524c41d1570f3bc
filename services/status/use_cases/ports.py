"""What the use cases need of the world. The adapters provide it."""

from typing import Protocol
from uuid import UUID

from services.retry import Outcome
from services.status.domain.job import Order, Result


class Jobs(Protocol):
    async def add(self, order: Order, defer: float) -> bool:
        """Keep a job, to be due in `defer` seconds; True once it is on disk. False when its id is there already."""

    async def find(self, job: UUID) -> Order | None: ...

    async def record_result(self, job: UUID, result: Result) -> Result:
        """Keep the result unless there is one. The result that counts."""


class Callback(Protocol):
    async def put(self, order: Order, result: Result) -> Outcome: ...
