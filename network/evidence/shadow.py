"""Flows whose rules do nothing on a host: without them it would do the very same with every packet."""

import re
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
        flows = {flow for line in lines for flow in _flow_of(line)}
        for flow in sorted(flows):
            without = "".join(line for line in lines if flow not in _flow_of(line))
            less = parse_snapshot(without, host, snapshot.where)
            if judge.same(fleets(judge.model, {**snapshots, host: less}, sound), host):
                yield flow, host


def _flow_of(line: str) -> list[str]:
    return re.findall(r'-A .*--comment "?flow:([a-z][a-z0-9-]*)"?(?: |$)', line)
