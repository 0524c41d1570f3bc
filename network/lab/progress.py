"""How those who do things tell how far they are."""

from typing import Protocol


class Progress(Protocol):
    """Called with what it is about (a host, a program) and what has just come true of it."""

    def __call__(self, subject: str, text: str) -> None: ...
