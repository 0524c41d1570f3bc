"""Runs the async service: `python -m services.status`."""

import uvloop

from services import journal
from services.settings import load
from services.status.app import run
from services.status.settings import StatusSettings
from services.status.wiring import wire


def main() -> None:
    settings = load(StatusSettings.read)
    journal.configure("status", settings.environment)

    async def start() -> None:
        await run(wire(settings), settings.listener)

    uvloop.run(start())


if __name__ == "__main__":
    main()
