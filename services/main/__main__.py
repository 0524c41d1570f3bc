"""Serves the main service: `python -m services.main`."""

import uvloop

from services import journal
from services.main.app import build
from services.main.settings import MainSettings
from services.main.wiring import wire
from services.settings import load
from services.transport import serve


def main() -> None:
    settings = load(MainSettings.read)
    journal.configure("main", settings.environment)

    async def run() -> None:
        await serve(build(wire(settings)), settings.listener)

    uvloop.run(run())


if __name__ == "__main__":
    main()
