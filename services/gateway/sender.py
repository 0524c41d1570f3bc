"""Sends what the queue API accepted: `python -m services.gateway.sender`.

Killed at any moment it loses nothing: each attempt is on disk before anything leaves, and one that has no end when its
lease runs out counts as unknown, which is never guessed.
"""

import asyncio
import logging

from services import cancellation, garbage, journal, metrics
from services.gateway.settings import SenderSettings
from services.gateway.wiring import sending
from services.settings import load
from services.transport import stop_on_signal

logger = logging.getLogger(__name__)


async def run(settings: SenderSettings) -> None:
    async with sending(settings) as sender:
        stop_on_signal(sender.stop)
        logger.info("sender started")
        await sender.run()
        logger.info("sender stopped")


def main() -> None:
    settings = load(SenderSettings.read)
    journal.configure("sender", settings.environment)
    garbage.look_rarely()
    cancellation.mend_wait_for()
    with metrics.serve(settings.metrics_port):
        # asyncio's own loop: aiosmtplib's STARTTLS and aiokafka are tested on it.
        asyncio.run(run(settings))


if __name__ == "__main__":
    main()
