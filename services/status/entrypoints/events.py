"""Jobs from the broker."""

from time import monotonic

from services.broker import Broker, Consumer, Event, Poison
from services.hand_over.event import GROUP, TOPIC, NotAJob, carried
from services.postgres import UNAVAILABLE
from services.problem import Problem
from services.status.entrypoints.taking import SetStatus, take
from services.status.wiring import Parts


class NoRoom(Exception):
    """Too many jobs wait: the event stays with the broker."""


def consumer(parts: Parts, broker: Broker) -> Consumer:
    """Takes jobs as they come. They are known by their id, so the table of jobs is the inbox."""

    async def handle(event: Event) -> None:
        began = monotonic()
        try:
            order, traceparent = carried(event)
            # Where the event names no job it is the job: it comes with the same id each time.
            asked = SetStatus.of({"job": str(event.id), **order})
            await take(parts, asked, traceparent, began)
        except NotAJob as error:
            raise Poison(str(error)) from None
        except Problem as problem:
            if problem.status == 429:
                raise NoRoom(problem.detail) from None
            raise Poison(f"{problem.status} {problem.kind}") from None

    return Consumer(broker, TOPIC, GROUP, handle, unavailable=(*UNAVAILABLE, NoRoom))
