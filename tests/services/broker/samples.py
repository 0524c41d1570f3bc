"""Events to send."""

from collections import defaultdict
from datetime import UTC, datetime
from uuid import uuid4

from services.broker import Event


def events(count: int, keys: int = 7) -> list[Event]:
    """Events of a few keys; `place` is the position among those of the key."""
    places: dict[str, int] = defaultdict(int)
    found = []
    for number in range(count):
        key = f"key-{number % keys}"
        found.append(
            Event(uuid4(), "registered", 1, key, datetime.now(UTC), f"request-{number:08}", {"place": places[key]})
        )
        places[key] += 1
    return found
