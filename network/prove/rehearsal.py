"""Will operators still reach every host while new rules are loaded host by host, and after? Proved before any is.

Rules are loaded in the stages of ``playbooks/network.yml``: firewalls, bastion, all others; within a stage, in any
order. Every state that the fleet can be in meanwhile is proved end to end. Of hosts that carry nobody else's packets,
two states say all: none of them changed, and all of them.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from network.compile.iptables import Firewall
from network.errors import Problem
from network.model import Endpoint, Model
from network.prove.claim import Obligation
from network.prove.endtoend import EndToEnd, is_ssh
from network.prove.fleet.compiled import answer
from network.prove.fleet.snapshot import IncompleteError, Snapshot
from network.prove.fleet.walk import Fleet
from network.prove.policy import Policy
from network.prove.proof import fleets, pathless, read_snapshots, required_hosts
from network.prove.states import States
from network.prove.story import Story, Teller

KEPT = frozenset({"established", "return-path"})
"""What else the operators' way needs of each host: that answers come back."""

MOST_FIREWALLS = 6
"""So many may change in one run: their states double with each."""

OPEN = Firewall("", "", "")
"""The rules of a host that has none yet."""


@dataclass(frozen=True)
class Refusal:
    """Hosts that operators would lose. `changed` are those that have the new rules by then."""

    changed: tuple[str, ...]
    stories: tuple[Story, ...]


def stages(model: Model, changing: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Give the hosts whose rules change, in the order in which they are loaded: firewalls, jump hosts, others."""
    jumps = _jump_hosts(model)
    firewalls = tuple(name for name, host in model.fleet.hosts.items() if host.firewall and name in changing)
    middle = tuple(name for name in model.fleet.hosts if name in jumps and name in changing and name not in firewalls)
    rest = tuple(name for name in model.fleet.hosts if name in changing and name not in {*firewalls, *middle})
    return firewalls, middle, rest


def states(model: Model, changing: Collection[str]) -> Iterator[tuple[str, ...]]:
    """Give the hosts with new rules in every state that matters, from none to all of those that change.

    Raises IncompleteError where more firewalls change than can be looked at.
    """
    firewalls, jumps, rest = stages(model, changing)
    if len(firewalls) > MOST_FIREWALLS:
        raise IncompleteError(
            Problem(
                ", ".join(firewalls),
                f"{len(firewalls)} firewalls change in one run",
                f"every order of loading is proved, for at most {MOST_FIREWALLS} firewalls at once",
                "change them in parts: --limit",
            )
        )
    found: dict[tuple[str, ...], None] = {}
    for count in range(len(firewalls) + 1):
        found.update(dict.fromkeys(combinations(firewalls, count)))
    for count in range(len(jumps) + 1):
        found.update(dict.fromkeys((*firewalls, *some) for some in combinations(jumps, count)))
    found[(*firewalls, *jumps, *rest)] = None
    yield from found


def loaded(text: str, host: str) -> Firewall:
    """Read from a host's answer what rules it has. One without iptables has none. Raises IncompleteError."""
    parts: dict[str, str] = {}
    for section in ("rules.v4", "rules.v6", "sets"):
        match = re.search(rf"^=== {re.escape(section)}\n(.*?)^=== exit (\d+) {re.escape(section)}$", text, re.M | re.S)
        if match is None or match[2] not in {"0", "127"}:
            raise IncompleteError(
                Problem(
                    host,
                    f"its answer has no whole section {section}",
                    "the rules that a host has now must be known before others are loaded",
                    f"see what iptables-save and ipset save say on {host}, and run again",
                )
            )
        parts[section] = match[1].strip() if match[2] == "0" else ""
    return Firewall(parts["rules.v4"], parts["rules.v6"], parts["sets"])


def rehearse(model: Model, live: Mapping[str, Firewall], changing: Collection[str]) -> tuple[int, Refusal | None]:
    """Prove every state; give how many there are, and the first in which operators lose a host.

    `live` are the rules that hosts have now; of one that is not there, nothing is known: it is taken to have the new
    ones and is not judged itself, unless it changes. A host is lost on the way where an earlier state had it; in the
    end operators must reach every one. Raises IncompleteError where too little is known.
    """
    before = _snapshots(model, {name: live.get(name) for name in required_hosts(model)})
    after = _snapshots(model, dict.fromkeys(required_hosts(model)))
    judged = {name for name in required_hosts(model) if name in live or name in changing}
    reached: dict[tuple[str, ...], set[str]] = {}
    read: dict[int, Fleet] | None = None
    ways = list(states(model, changing))
    for changed in ways:
        mixed = {name: after[name] if name in changed else before[name] for name in after}
        read = fleets(model, mixed, read)
        last = changed == ways[-1]
        paths = [each for fleet in read.values() for each in EndToEnd(fleet, Policy(fleet)).operator_paths()]
        broken = {each.subject for each in paths if not each.holds}
        reached[changed] = {each.subject for each in paths} - broken
        if last:
            lost = [each for each in paths if each.subject in judged]
            lost += [each for fleet in read.values() for each in _answers(fleet) if each.subject in judged]
            lost += [pathless(name) for name in after if name in judged and name not in reached[changed] | broken]
        else:
            earlier = (hosts for some, hosts in reached.items() if set(some) < set(changed))
            kept = judged.intersection(set().union(*earlier))
            lost = [each for each in paths if each.subject in kept]
        stories = tuple(_stories(read, lost))
        if stories:
            return len(ways), Refusal(changed, stories)
    return len(ways), None


def _jump_hosts(model: Model) -> set[str]:
    """Give the hosts through which others are administered: those in the management zone that may open SSH."""
    management = model.fleet.management.name
    return {
        name
        for name, host in model.fleet.hosts.items()
        if management in host.zones
        and any(
            Endpoint("host", name) in flow.sources
            and any(service.protocol == "tcp" and is_ssh(service.first, service.last) for service in flow.services)
            for flow in model.flows
        )
    }


def _snapshots(model: Model, rules: Mapping[str, Firewall | None]) -> dict[str, Snapshot]:
    texts = {name: answer(model, name, firewall) for name, firewall in rules.items()}
    return read_snapshots(model, texts, {name: f"rules of {name}" for name in texts})


def _answers(fleet: Fleet) -> Iterator[Obligation]:
    yield from (each for each in States(fleet, Policy(fleet)).prove() if each.name in KEPT)


def _stories(read: Mapping[int, Fleet], obligations: Collection[Obligation]) -> Iterator[Story]:
    for obligation in (each for each in obligations if not each.holds):
        fleet = read[obligation.family]
        yield from (Teller(fleet, Policy(fleet)).tell(obligation, gap) for gap in obligation.gaps)
