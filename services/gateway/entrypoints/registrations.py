"""Events of the topic `registrations`, for the group `welcome`."""

import logging
from collections.abc import Collection

from services.broker import Event, Handler, Poison
from services.gateway.domain.errors import InvalidMessage, KeyReused
from services.gateway.domain.message import Channel
from services.gateway.domain.welcome import welcome
from services.gateway.use_cases.accept import accept
from services.gateway.use_cases.ports import Messages
from services.registration import Registered, Unreadable

logger = logging.getLogger(__name__)


def greeting(messages: Messages, offered: Collection[Channel]) -> Handler:
    """Has the gateway accept one mail for each event: its id is the key, so that what comes twice is one mail.

    Raises Poison for an event that this release cannot read, or whose address takes no mail.
    """

    async def handle(event: Event) -> None:
        fields: dict[str, object] = {"event": str(event.id)}
        try:
            registered = Registered.read(event.type, event.version, event.payload)
            if registered.email is None:
                logger.info("no address, no mail", extra=fields)
                return
            draft = welcome(registered.name, registered.email)
            message, new = await accept(messages, offered, draft, f"welcome:{event.id}", event.correlation_id)
        except (Unreadable, InvalidMessage) as error:
            raise Poison(str(error)) from None
        except KeyReused:
            # Accepted before, by a release whose words were others.
            logger.info("duplicate", extra=fields)
            return
        logger.info("mail accepted" if new else "duplicate", extra=fields | {"key": str(message)})

    return handle
