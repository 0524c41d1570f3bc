"""A chart of bars as numbers, for an SVG of WIDTH by HEIGHT."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 720
HEIGHT = 200
# Part of a bar's place that it fills.
FILLED = 0.8


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float


def bars(counts: Sequence[int]) -> list[Bar]:
    """A bar for each count, side by side; the greatest is as high as the chart."""
    most = max(counts, default=0) or 1
    place = WIDTH / max(len(counts), 1)
    width = round(place * FILLED, 2)
    margin = place * (1 - FILLED) / 2
    return [
        Bar(round(number * place + margin, 2), round(HEIGHT - high, 2), width, round(high, 2))
        for number, high in enumerate(HEIGHT * count / most for count in counts)
    ]
