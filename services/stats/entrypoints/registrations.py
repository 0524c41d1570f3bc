"""Events of the topic `registrations`, for the group `statistics`."""

import logging

from services.broker import Event, Handler, Poison
from services.registration import Registered, Unreadable
from services.stats.use_cases.counting import count
from services.stats.use_cases.ports import Work

logger = logging.getLogger(__name__)


def handler(work: Work) -> Handler:
    """Counts each event once. Raises Poison for one that this release cannot read."""

    async def handle(event: Event) -> None:
        try:
            Registered.read(event.type, event.version, event.payload)
        except Unreadable as error:
            raise Poison(str(error)) from None
        new = await count(work, event.id, event.occurred_at)
        logger.info("counted" if new else "duplicate", extra={"event": str(event.id)})

    return handle
