"""What the stand-ins were given."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

# The oldest fall out beyond this many.
MOST = 1000


@dataclass(frozen=True, slots=True)
class Message:
    number: int
    at: datetime
    channel: str
    to: str
    text: str


class Received:
    def __init__(self) -> None:
        self._messages: deque[Message] = deque(maxlen=MOST)
        self._numbers = count(1)

    def keep(self, channel: str, to: str, text: str) -> Message:
        message = Message(next(self._numbers), datetime.now(UTC), channel, to, text)
        self._messages.append(message)
        return message

    def __iter__(self) -> Iterator[Message]:
        return iter(tuple(self._messages))
