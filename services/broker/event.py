"""What travels: a fact that happened, as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

# Bytes. RabbitMQ and Kafka refuse more than they are told to take; ours are small.
MOST = 262_144


class Malformed(Exception):
    """Bytes that are no event of ours. The text says why, and repeats nothing of them."""


@dataclass(frozen=True, slots=True)
class Event:
    """A fact.

    id: the same in every copy, by which consumers know it again. type, version: what the payload holds. key: events of
    one key are handled in the order in which they were published. occurred_at: UTC. correlation_id: the request id of
    the deed that caused it. payload: JSON.
    """

    id: UUID
    type: str
    version: int
    key: str
    occurred_at: datetime
    correlation_id: str
    payload: Mapping[str, Any]

    def encode(self) -> bytes:
        return json.dumps(
            {
                "id": str(self.id),
                "type": self.type,
                "version": self.version,
                "key": self.key,
                "occurred_at": self.occurred_at.astimezone(UTC).isoformat(),
                "correlation_id": self.correlation_id,
                "payload": self.payload,
            },
            separators=(",", ":"),
        ).encode()

    @classmethod
    def decode(cls, body: bytes) -> "Event":
        """Raises Malformed."""
        if len(body) > MOST:
            raise Malformed(f"{len(body)} bytes, and an event has at most {MOST}")
        try:
            found = json.loads(body)
            # What no encoding carries could be written down nowhere, not even as the reason of a dead letter.
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise Malformed("a text holds half a character") from None
        except (ValueError, RecursionError):
            raise Malformed("not JSON") from None
        if not isinstance(found, dict):
            raise Malformed("no JSON object")
        try:
            event = cls(
                id=UUID(_text(found, "id")),
                type=_text(found, "type"),
                version=_whole(found, "version"),
                key=_text(found, "key"),
                occurred_at=datetime.fromisoformat(_text(found, "occurred_at")),
                correlation_id=_text(found, "correlation_id"),
                payload=found["payload"],
            )
        except KeyError as error:
            raise Malformed(f"no {error.args[0]}") from None
        except (TypeError, ValueError):
            raise Malformed("a field is not of its kind") from None
        if not isinstance(event.payload, dict) or event.occurred_at.tzinfo is None:
            raise Malformed("a field is not of its kind")
        return event


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _whole(found: Mapping[str, Any], name: str) -> int:
    value = found[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(name)
    return value
