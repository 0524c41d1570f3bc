"""How often each flow was used: what the loaded rules that carry its id have counted. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from network.prove.fleet.snapshot import Snapshot
from network.prove.syntax.types import Rule


@dataclass(frozen=True)
class Count:
    """Packets that opened a connection, and their bytes. What follows on a connection passes before these rules."""

    packets: int = 0
    bytes: int = 0


def connections(snapshots: Mapping[str, Snapshot]) -> dict[str, dict[str, Count]]:
    """Return what each flow's rules have counted, by flow and host, both families together.

    Only table filter decides: the rule that translates a published flow meets the very same packets once more.
    """
    found: dict[str, dict[str, Count]] = {}
    for host, snapshot in snapshots.items():
        for rule in _deciding(snapshot):
            if rule.flow is not None and rule.counters is not None:
                hosts = found.setdefault(rule.flow, {})
                seen = hosts.get(host, Count())
                hosts[host] = Count(seen.packets + rule.counters.packets, seen.bytes + rule.counters.bytes)
    return found


def _deciding(snapshot: Snapshot) -> list[Rule]:
    tables = [ruleset.tables["filter"] for ruleset in snapshot.rules.values() if "filter" in ruleset.tables]
    return [rule for table in tables for chain in table.chains.values() for rule in chain.rules]
