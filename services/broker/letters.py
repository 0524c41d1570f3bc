"""Dead letters of a consumer, which the broker keeps, for an operator on the host: listed, shown, and sent again.

Speaks as services.outbox.letters does: one JSON object, and on failure one line on standard error.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from services import cancellation
from services.broker.event import Event, Malformed
from services.broker.open import open_broker
from services.broker.port import Letter, Unavailable
from services.broker.redrive import resend
from services.broker.settings import BrokerSettings
from services.outbox.letters import MOST, fail, parse

Told = dict[str, Any]


def run(module: str, settings: BrokerSettings, topic: str, group: str, given: Sequence[str]) -> None:
    """Run one command: `list`, `show ID` or `redrive ID… | --all`. Exits with 1 where it cannot be done.

    module: what was called, for the usage.
    """
    command = parse(module, given)
    cancellation.mend_wait_for()
    try:
        told = asyncio.run(_run(settings, topic, group, command))
    except LookupError as error:
        fail(str(error.args[0]))
    except Unavailable as error:
        fail(f"the broker does not answer ({error}); try again when it does")
    sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")


async def _run(settings: BrokerSettings, topic: str, group: str, command: argparse.Namespace) -> Told:
    broker = open_broker(settings)
    try:
        async with broker.letters(topic, group) as letters:
            if command.command == "redrive":
                sent = set(await resend(broker, topic, letters, None if command.all else set(command.ids)))
                return {"redriven": sorted(sent), "not_dead": sorted(set(command.ids) - sent)}
            found = [described(letter) for letter in letters.all]
    finally:
        await broker.close()
    if command.command == "list":
        return {"letters": [_without(letter, "payload") for letter in reversed(found)][:MOST]}
    for letter in found:
        if letter["id"] == command.id:
            return letter | {"topic": topic, "group": group}
    raise LookupError(f"no dead letter has the id {command.id}; `list` shows those there are")


def described(letter: Letter) -> Told:
    """What is known of a letter. One that is no event is named by a digest of its bytes, and cannot be sent again."""
    try:
        event = Event.decode(letter.body)
    except Malformed:
        return {
            "id": sha256(letter.body).hexdigest()[:16],
            "type": None,
            "reason": letter.reason,
            "bytes": len(letter.body),
        }
    return {
        "id": str(event.id),
        "type": event.type,
        "version": event.version,
        "key": event.key,
        "request": event.correlation_id,
        "created_at": event.occurred_at.isoformat(),
        "reason": letter.reason,
        "payload": dict(event.payload),
    }


def _without(letter: Told, name: str) -> Told:
    return {key: value for key, value in letter.items() if key != name}
