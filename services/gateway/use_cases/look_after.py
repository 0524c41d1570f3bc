"""What a person does with messages: look, send again, let be."""

from uuid import UUID

from services.gateway.domain.errors import NotFound, NotWaitingForPerson
from services.gateway.domain.message import Message
from services.gateway.use_cases.ports import Messages


async def look(messages: Messages, message: UUID) -> Message:
    """The message with all its attempts. Raises NotFound."""
    found = await messages.find(message)
    if found is None:
        raise NotFound(message)
    return found


async def redrive(messages: Messages, message: UUID) -> Message:
    """Send a dead or unknown message again. Raises NotFound and NotWaitingForPerson."""
    if not await messages.redrive(message):
        raise NotWaitingForPerson((await look(messages, message)).state)
    return await look(messages, message)


async def dismiss(messages: Messages, message: UUID) -> Message:
    """Let a dead or unknown message be. Raises NotFound and NotWaitingForPerson."""
    if not await messages.dismiss(message):
        raise NotWaitingForPerson((await look(messages, message)).state)
    return await look(messages, message)
