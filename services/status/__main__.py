"""Runs the async service: `python -m services.status`."""

import uvloop

from services import cancellation, garbage, journal, metrics
from services.settings import load
from services.status.app import run
from services.status.settings import StatusSettings


def main() -> None:
    settings = load(StatusSettings.read)
    journal.configure("status", settings.environment)
    garbage.look_rarely()
    cancellation.mend_wait_for()
    with metrics.serve(settings.metrics_port):
        uvloop.run(run(settings))


if __name__ == "__main__":
    main()
