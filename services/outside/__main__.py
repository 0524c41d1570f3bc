"""Runs the stand-ins: `python -m services.outside`.

On asyncio's own loop: aiosmtpd's STARTTLS reaches into it, and uvloop has no such inside.
"""

import asyncio

from services import journal
from services.outside.mail import open_submission
from services.outside.messengers import build
from services.outside.received import Received
from services.outside.settings import OutsideSettings
from services.settings import load
from services.transport import serve


async def run(settings: OutsideSettings) -> None:
    received = Received()
    submission = await open_submission(settings.submission, settings.provider_password, received)
    async with submission:
        await serve(build(received, settings.provider_password), settings.https)


def main() -> None:
    settings = load(OutsideSettings.read)
    journal.configure("outside", settings.environment)
    asyncio.run(run(settings))


if __name__ == "__main__":
    main()
