"""The sender's loops: due messages go to the broker and come back to be sent; what is left behind is looked for."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

from services import metrics
from services.broker import Consumer, Event, Handler, Poison
from services.gateway.adapters.attempts import Handover, PostgresAttempts
from services.gateway.adapters.forgetting import PostgresForgetting
from services.gateway.domain.due import Due, NotDue
from services.gateway.domain.message import Channel
from services.gateway.domain.sending import Arrived, Dead, Held, told
from services.gateway.use_cases.send import Means, Settled, send, settle_abandoned
from services.outbox import Relay
from services.postgres import UNAVAILABLE

logger = logging.getLogger(__name__)

# Seconds between two looks for what was left behind.
TENDING = 1.0
# Seconds between two rounds of housekeeping.
HOUSEKEEPING = 600.0

Helper = Callable[[], Coroutine[Any, Any, None]]


class Sender:
    """relay: hands over to the broker. consumer: takes from there, with the handler of `handling`.

    helpers: what runs beside them until both have ended.
    """

    def __init__(self, relay: Relay[Handover], consumer: Consumer, *helpers: Helper) -> None:
        self._relay = relay
        self._consumer = consumer
        self._helpers = helpers

    def stop(self) -> None:
        """Hand over and take nothing more; `run` returns once what is being sent is settled."""
        self._relay.stop()
        self._consumer.stop()

    async def run(self) -> None:
        """No part lives without the others: should one fail, so does this."""
        async with asyncio.TaskGroup() as beside:
            helpers = [beside.create_task(helper()) for helper in self._helpers]
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._relay.run())
                tasks.create_task(self._consumer.run())
            for each in helpers:
                each.cancel()


def handling(means: Means, settled: Callable[[], None]) -> Handler:
    """What is done with an event: the attempt that it names is made. `settled` is called when a place is free again."""

    async def handle(event: Event) -> None:
        try:
            due = Due.of(event.type, event.version, event.payload)
        except NotDue as error:
            raise Poison(str(error)) from None
        if found := await send(means, due.message, due.number):
            tell(found)
            settled()

    return handle


async def tend(attempts: PostgresAttempts, means: Means, rates: Mapping[Channel, float]) -> None:
    """Set the channels' rates, then look again and again for what was left behind, until cancelled."""
    rated = False
    while True:
        with suppress(*UNAVAILABLE):
            if not rated:
                for channel, rate in rates.items():
                    await attempts.set_rate(channel, rate, max(rate, 1.0))
                rated = True
            for found in await settle_abandoned(means):
                tell(found)
            if again := await attempts.hand_over_again():
                logger.warning("handed over again", extra={"messages": again})
        await asyncio.sleep(TENDING)


async def keep_house(forgetting: PostgresForgetting) -> None:
    """Forget what is old, some at a time and again and again, until cancelled."""
    while True:
        with suppress(*UNAVAILABLE):
            while any(found := await forgetting.forget()):
                messages, keys = found
                logger.info("forgotten", extra={"messages": messages, "keys": keys})
        await asyncio.sleep(HOUSEKEEPING)


def tell(settled: Settled) -> None:
    """Log and count what came of an attempt. Neither words nor recipients are in the log."""
    consignment = settled.consignment
    outcome, detail = told(settled.outcome)
    channel = consignment.content.channel.value
    metrics.MESSAGES.labels(channel, outcome).inc()
    fields: dict[str, object] = {"key": str(consignment.id), "channel": channel}
    fields |= {"attempt": consignment.attempt, "outcome": outcome}
    match settled.verdict:
        case Arrived():
            logger.info("message sent", extra=fields)
        case Dead(reason) | Held(reason):
            logger.error("message waits for a person", extra=fields | {"reason": reason})
        case again:
            after = round(again.after, 2)
            logger.warning("message to be sent again", extra=fields | {"reason": detail, "after_s": after})
