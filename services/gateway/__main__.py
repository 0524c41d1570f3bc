"""Runs the queue API: `python -m services.gateway`."""

import uvloop

from services import cancellation, garbage, journal, metrics
from services.gateway.app import run
from services.gateway.settings import QueueSettings
from services.settings import load


def main() -> None:
    settings = load(QueueSettings.read)
    journal.configure("gateway", settings.environment)
    garbage.look_rarely()
    cancellation.mend_wait_for()
    with metrics.serve(settings.metrics_port):
        uvloop.run(run(settings))


if __name__ == "__main__":
    main()
