"""What came of each fault with each broker: a JSON file, and the same as a table."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

HEAD = "| broker | fault | events | lost | done twice | out of order | delivered again | standstill |"


@dataclass(frozen=True)
class Outcome:
    """One trial.

    lost: events without effect. doubled: effects too many. reordered: effects that came after a later one of their key.
    redelivered: deliveries to the handler beyond the first, which the inbox turned away. standstill: the longest time
    without an effect (seconds), less the time for which the fault itself lasted.
    """

    broker: str
    fault: str
    events: int
    lost: int
    doubled: int
    reordered: int
    redelivered: int
    standstill: float


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a Markdown table."""
    lines = [HEAD, "|---|---|---|---|---|---|---|---|"]
    for each in outcomes:
        counts = (each.events, each.lost, each.doubled, each.reordered, each.redelivered)
        numbers = " | ".join(f"{number:,}" for number in counts)
        lines.append(f"| {each.broker} | {each.fault} | {numbers} | {each.standstill:.1f} s |")
    return "\n".join(lines) + "\n"


def write(outcomes: Sequence[Outcome], folder: Path) -> None:
    """Write `brokers.json` and `brokers.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "brokers.json").write_text(json.dumps([asdict(each) for each in outcomes], indent=1) + "\n", "utf-8")
    (folder / "brokers.md").write_text(table(outcomes), "utf-8")
