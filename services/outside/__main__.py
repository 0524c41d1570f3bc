"""Runs the stand-ins: `python -m services.outside`.

On asyncio's own loop: aiosmtpd's STARTTLS reaches into it, and uvloop has no such inside.
"""

import asyncio

from services import cancellation, journal
from services.outside import control, messengers
from services.outside.faults import Faults
from services.outside.mail import open_submission
from services.outside.received import Received
from services.outside.settings import OutsideSettings
from services.settings import load
from services.transport import serve_all


async def run(settings: OutsideSettings) -> None:
    received, faults = Received(), Faults()
    submission = await open_submission(settings.submission, settings.provider_password, received, faults)
    public = messengers.build(received, faults, settings.provider_password)
    async with submission:
        inside = control.build(received, faults)
        await serve_all((public, settings.https), (inside, settings.control), stopping=faults.end)


def main() -> None:
    settings = load(OutsideSettings.read)
    journal.configure("outside", settings.environment)
    cancellation.mend_wait_for()
    asyncio.run(run(settings))


if __name__ == "__main__":
    main()
