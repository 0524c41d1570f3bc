"""What holds for every provider."""

import asyncio
import logging

from services.gateway.domain.message import Consignment
from services.gateway.domain.sending import Outcome, Unknown
from services.gateway.use_cases.ports import Provider

logger = logging.getLogger(__name__)


class Guarded:
    """A provider whose every attempt ends within so many seconds, in an outcome whatever happens."""

    def __init__(self, provider: Provider, seconds: float) -> None:
        self._provider = provider
        self._seconds = seconds

    async def send(self, consignment: Consignment) -> Outcome:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._provider.send(consignment)
        except TimeoutError:
            return Unknown("no answer in time")
        except Exception as error:
            # A fault of ours: how far the message came is anybody's guess, so it is not guessed.
            logger.exception("attempt failed", extra={"key": str(consignment.id)})
            return Unknown(f"internal {type(error).__name__}")
