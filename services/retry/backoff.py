"""Exponential backoff with full jitter, so that many senders do not come back in step."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays in seconds: uniform between `least` and min(`most`, `base` * 2**(attempt - 1))."""

    base: float = 0.5
    most: float = 30.0
    least: float = 0.0

    def delay(self, attempt: int, random: Random) -> float:
        """The pause after the attempt of this number (from 1)."""
        # The exponent is bounded: 2.0**1100 raises OverflowError.
        ceiling = min(self.most, self.base * 2.0 ** min(attempt - 1, 60))
        return random.uniform(self.least, max(self.least, ceiling))
