"""Taking a message."""

import json
from collections.abc import Collection
from hashlib import sha256
from uuid import UUID, uuid4

from services.gateway.domain.composing import compose
from services.gateway.domain.errors import InvalidMessage, KeyReused
from services.gateway.domain.message import Channel, Draft
from services.gateway.use_cases.ports import Arrival, Messages


async def accept(
    messages: Messages, offered: Collection[Channel], draft: Draft, key: str, correlation_id: str
) -> tuple[UUID, bool]:
    """Keep the message durably: its id, and whether it is new. Once this returns, it will be sent.

    key: names the deed, so that a call that is repeated makes no second message; an event's id, for instance.
    offered: the channels that are set up here. Raises InvalidMessage, and KeyReused where the key came with another
    draft.
    """
    content = compose(draft)
    if content.channel not in offered:
        raise InvalidMessage(
            "channel", f"{content.channel} is not set up here; there are {', '.join(sorted(offered))}."
        )
    fingerprint = _fingerprint(draft)
    kept = await messages.add(Arrival(uuid4(), key, fingerprint, content, correlation_id))
    if kept.fingerprint != fingerprint:
        raise KeyReused
    return kept.id, kept.new


def _fingerprint(draft: Draft) -> bytes:
    """What makes a draft another one: every word of it."""
    words = [draft.channel, draft.to, draft.subject, draft.text, draft.template, draft.variables]
    return sha256(json.dumps(words, sort_keys=True).encode()).digest()
