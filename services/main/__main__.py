"""Serves the main service: `python -m services.main`."""

from functools import partial

import uvloop

from services import cancellation, garbage, journal, metrics
from services.main.app import build
from services.main.settings import MainSettings
from services.main.wiring import let_go, wire
from services.settings import load
from services.transport import serve


def main() -> None:
    settings = load(MainSettings.read)
    journal.configure("main", settings.environment)

    async def run() -> None:
        parts = wire(settings)
        await serve(build(parts), settings.listener, stopping=partial(let_go, parts))

    garbage.look_rarely()
    cancellation.mend_wait_for()
    with metrics.serve(settings.metrics_port):
        uvloop.run(run())


if __name__ == "__main__":
    main()
