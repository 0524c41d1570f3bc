"""The queues of a host, from the metrics that its processes serve: what waits, its age, and what is dead."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Between what else a host is asked and this.
MARK = "== metrics\n"
# Each process tells its port in its unit; only the lines of queues come back, after the unit's name.
QUESTION = (
    f"; printf '{MARK[:-1]}\\n';"
    " for unit in $(systemctl list-units 'sallyport-*' --type=service --state=running --plain --no-legend |"
    " cut -d' ' -f1); do port=$(systemctl show --property=Environment --value $unit | tr ' ' '\\n' |"
    " sed -n 's/^SP_METRICS_PORT=//p'); [ ${port:-0} = 0 ] || curl -s -m 1 http://127.0.0.1:$port/metrics |"
    ' sed -nE "s/^sallyport_((queue|broker)_(waiting|oldest_seconds|dead_letters|attempts_total)[{ ])/$unit \\1/p";'
    " done"
)

_LINE = re.compile(
    r"sallyport-(?P<unit>[a-z_]+)\.service (?P<kind>queue|broker)_(?P<name>[a-z_]+)"
    r"(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)"
)
_LABEL = re.compile(r'([a-z_]+)="([^"]*)"')
_HEAD = ("queue", "host", "waiting", "oldest", "attempts", "dead letters")


@dataclass(frozen=True)
class Queue:
    """One queue: the unit that works on it, and the topic where it is a broker's. oldest: seconds.

    attempts: since the process started, by what became of them.
    """

    unit: str
    topic: str
    waiting: int
    oldest: float
    dead: int
    attempts: tuple[tuple[str, int], ...]


def understood(said: str) -> tuple[Queue, ...]:
    """Read what a host says of its queues. Pure; a line that is none is passed over."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for match in filter(None, map(_LINE.fullmatch, said.splitlines())):
        labels = dict(_LABEL.findall(match["labels"] or ""))
        value = float(match["value"])
        if not math.isfinite(value):
            continue
        name = f"attempt {labels['verdict']}" if "verdict" in labels else match["name"]
        topic = f"{labels['topic']}/{labels['group']}" if match["kind"] == "broker" else ""
        found.setdefault((match["unit"], topic), {})[name] = value
    return tuple(
        Queue(
            unit=unit,
            topic=topic,
            waiting=int(values["waiting"]),
            oldest=values.get("oldest_seconds", 0.0),
            dead=int(values.get("dead_letters", 0)),
            attempts=tuple(
                (name.removeprefix("attempt "), int(value))
                for name, value in sorted(values.items())
                if name.startswith("attempt ")
            ),
        )
        for (unit, topic), values in sorted(found.items())
        if "waiting" in values
    )


def table(rows: Iterable[tuple[str, Sequence[Queue]]]) -> list[str]:
    """Return the queues of the hosts as lines of text; none where there are no queues."""
    cells = [
        (
            f"{queue.unit} {queue.topic}".strip(),
            host,
            str(queue.waiting),
            f"{queue.oldest:.0f} s" if queue.waiting else "-",
            " ".join(f"{count} {verdict}" for verdict, count in queue.attempts) or "-",
            str(queue.dead or "-"),
        )
        for host, queues in rows
        for queue in queues
    ]
    if not cells:
        return []
    widths = [max(len(line[column]) for line in (_HEAD, *cells)) for column in range(len(_HEAD))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (_HEAD, *cells)
    ]
