"""Flows whose rules do nothing on a host: without them it would do the very same with every packet."""

from collections.abc import Iterator, Mapping

from network.prove.fleet.snapshot import Snapshot, parse_snapshot
from network.prove.fleet.walk import Fleet
from network.prove.mutation.score import Judge
from network.prove.proof import fleets


def shadowed(
    snapshots: Mapping[str, Snapshot], texts: Mapping[str, str], sound: Mapping[int, Fleet]
) -> Iterator[tuple[str, str]]:
    """Give (flow, host) wherever other rules take all of a flow's packets first, or decide the same after it.

    Shown by the engine, over every packet, state and interface of that host; `sound` is the fleet as it is.
    """
    judge = Judge(snapshots, sound)
    for host, snapshot in snapshots.items():
        lines = texts[host].splitlines(keepends=True)
        for flow, numbers in sorted(_lines(snapshot).items()):
            without = "".join(line for number, line in enumerate(lines, 1) if number not in numbers)
            less = parse_snapshot(without, host, snapshot.where)
            if judge.same(fleets(judge.model, {**snapshots, host: less}, sound), host):
                yield flow, host


def _lines(snapshot: Snapshot) -> dict[str, set[int]]:
    """Return the numbers of the lines of the answer that hold each flow's rules."""
    found: dict[str, set[int]] = {}
    for ruleset in snapshot.rules.values():
        for table in ruleset.tables.values():
            for rule in (rule for chain in table.chains.values() for rule in chain.rules):
                if rule.flow is not None:
                    found.setdefault(rule.flow, set()).add(rule.line)
    return found
