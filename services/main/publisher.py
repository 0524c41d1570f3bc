"""Publishes the log's events to the message broker, with confirms: `python -m services.main.publisher`.

Killed at any moment it loses nothing: an event is settled only after the broker has confirmed it, and one that was
published but not settled is published again when its lease runs out; consumers know an event by its id. While the
broker is away, events wait in the database, and the web application goes on accepting.
"""

import asyncio
import logging

import uvloop

from services import cancellation, garbage, journal, metrics
from services.broker import Broker, Unavailable, open_broker
from services.broker.event import MOST
from services.main.adapters.events import OutgoingEvent
from services.main.settings import PublisherSettings
from services.outbox import Pace, PostgresStore, Relay, keep_gauges
from services.postgres import UNAVAILABLE, Queries, listen
from services.retry import Backoff, Dead, Delivered, Outcome, Unreachable
from services.settings import load
from services.transport import stop_on_signal

logger = logging.getLogger(__name__)

# Seconds for which a broker that is away is left alone by all events, and that one event waits at most.
SPARE = 1.0
LONGEST_WAIT = 5.0


async def publish(broker: Broker, message: OutgoingEvent) -> Outcome:
    """Publish one event, and say what came of it."""
    if (size := len(message.event.encode())) > MOST:
        return Dead(f"{size} bytes, and an event has at most {MOST}")
    try:
        await broker.publish(message.topic, message.event)
    except Unavailable as error:
        return Unreachable(f"broker unavailable: {error}", spare=SPARE)
    return Delivered()


async def run(settings: PublisherSettings) -> None:
    queries = Queries.of_package("services.main", "sql/events")
    broker = open_broker(settings.broker)
    async with settings.database.pool("sallyport-publisher", 4) as pool:

        async def send(message: OutgoingEvent) -> Outcome:
            return await publish(broker, message)

        relay = Relay(
            PostgresStore(pool, queries, OutgoingEvent, settings.lease),
            send,
            abandon=broker.close,
            unavailable=UNAVAILABLE,
            backoff=Backoff(most=LONGEST_WAIT),
            pace=Pace.within(settings.lease),
        )
        stop_on_signal(relay.stop)
        metrics.watch_pool(pool)
        logger.info("publisher started")
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(listen(settings.database, "sallyport-publisher-listen", b"main_events", relay.wake)),
                tasks.create_task(keep_gauges(pool, queries)),
            ]
            await relay.run()
            for helper in helpers:
                helper.cancel()
        await broker.close()
        logger.info("publisher stopped")


def main() -> None:
    settings = load(PublisherSettings.read)
    journal.configure("publisher", settings.environment)
    garbage.look_rarely()
    cancellation.mend_wait_for()
    with metrics.serve(settings.metrics_port):
        uvloop.run(run(settings))


if __name__ == "__main__":
    main()
