"""The steps of a deferred action, in the order of the lecture."""

from enum import IntEnum


class Step(IntEnum):
    FORM = 1
    HAND_OVER = 2
    ACCEPTED = 3
    ANSWERED = 4
    DEFERRED_ACTION = 5
    CALLBACK = 6
    SEEN = 7

    @property
    def title(self) -> str:
        """The name of the step's span, e.g. `2 hand over`."""
        return f"{self.value} {self.name.lower().replace('_', ' ')}"
