"""Refusals. Each text is an answer to whoever asked."""

from uuid import UUID


class Refusal(Exception):
    """The rules do not allow it."""


class InvalidMessage(Refusal):
    """A field of a draft is wrong. at: which one. line: of the template, where that is known."""

    def __init__(self, at: str, why: str, line: int | None = None) -> None:
        super().__init__(f"{why} (line {line})" if line else why)
        self.at = at


class KeyReused(Refusal):
    def __init__(self) -> None:
        super().__init__("This key came before with another message; a new message takes a new key.")


class NotFound(Refusal):
    def __init__(self, message: UUID) -> None:
        super().__init__(f"There is no message {message}.")


class NotWaitingForPerson(Refusal):
    def __init__(self, state: str) -> None:
        super().__init__(f"The message is {state}; only one that is dead or unknown waits for a person's word.")
