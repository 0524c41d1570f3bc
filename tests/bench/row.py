"""One measured figure beside its reference and its target."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was measured, in `unit`; `reference` is the same figure of `compared_with`, from the same run.

    `target` is the number to hold, as a sentence. A reference of None means that there is none.
    """

    what: str
    value: float
    unit: str
    compared_with: str
    reference: float | None
    target: str


def figure(value: float) -> str:
    """Return a number with as many places as say something: at least three digits of what is below ten."""
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text: figure, reference, ratio (ours over the reference), target."""
    cells = [("what", "value", "reference", "ratio", "compared with", "target")]
    for row in rows:
        reference = "-" if row.reference is None else f"{figure(row.reference)} {row.unit}"
        ratio = "-" if not row.reference else f"{row.value / row.reference:.2f}"
        cells.append((row.what, f"{figure(row.value)} {row.unit}", reference, ratio, row.compared_with, row.target))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )
