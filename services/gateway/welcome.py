"""Has a mail sent to whoever registers: `python -m services.gateway.welcome`.

It takes the event from the broker and gives the mail to the gateway's own use case; the sender does the rest.
"""

import logging

import uvloop

from services import cancellation, garbage, journal, metrics
from services.gateway.settings import WelcomeSettings
from services.gateway.wiring import welcoming
from services.settings import load
from services.transport import stop_on_signal

logger = logging.getLogger(__name__)


async def run(settings: WelcomeSettings) -> None:
    async with welcoming(settings) as consumer:
        stop_on_signal(consumer.stop)
        logger.info("welcome started")
        await consumer.run()
    logger.info("welcome stopped")


def main() -> None:
    settings = load(WelcomeSettings.read)
    journal.configure("welcome", settings.environment)
    garbage.look_rarely()
    cancellation.mend_wait_for()
    with metrics.serve(settings.metrics_port):
        uvloop.run(run(settings))


if __name__ == "__main__":
    main()
