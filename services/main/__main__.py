"""Serves the main service: `python -m services.main`."""

import uvloop

from services import garbage, journal, metrics
from services.main.app import build
from services.main.settings import MainSettings
from services.main.wiring import wire
from services.settings import load
from services.transport import serve


def main() -> None:
    settings = load(MainSettings.read)
    journal.configure("main", settings.environment)

    async def run() -> None:
        parts = wire(settings)
        await serve(build(parts), settings.listener, stopping=parts.hub.close)

    garbage.look_rarely()
    with metrics.serve(settings.metrics_port):
        uvloop.run(run())


if __name__ == "__main__":
    main()
