"""Counts registrations as their events come: `python -m services.stats`."""

import logging

import uvloop

from services import cancellation, garbage, journal, metrics
from services.settings import load
from services.stats.settings import StatsSettings
from services.stats.wiring import wired
from services.transport import stop_on_signal

logger = logging.getLogger(__name__)


async def run(settings: StatsSettings) -> None:
    async with wired(settings) as consumer:
        stop_on_signal(consumer.stop)
        logger.info("statistics started")
        await consumer.run()
    logger.info("statistics stopped")


def main() -> None:
    settings = load(StatsSettings.read)
    journal.configure("stats", settings.environment)
    garbage.look_rarely()
    cancellation.mend_wait_for()
    with metrics.serve(settings.metrics_port):
        uvloop.run(run(settings))


if __name__ == "__main__":
    main()
