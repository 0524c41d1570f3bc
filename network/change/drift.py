"""Live against intended: where what a host has loaded is not what policy and inventory compile to, item by item."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from ipaddress import ip_address, ip_network

from network.compile.iptables import compile_host
from network.compile.routes import routes
from network.model import Host, Model
from network.prove.fleet.routes import Kind, Route
from network.prove.fleet.snapshot import Snapshot
from network.prove.report import FAMILIES
from network.prove.syntax.addresses import print_address
from network.prove.syntax.rules import parse_ruleset
from network.prove.syntax.sets import Entry, Sets, parse_sets
from network.prove.syntax.types import Rule, Ruleset


@dataclass(frozen=True)
class Item:
    """One thing that differs: a rule, a set's member, a route or a kernel setting.

    `extra`: it is loaded and not intended; else it is intended and not loaded. `where` is what it belongs to, `text` is
    the thing itself, `place` the line of the host's answer that shows it ("" where there is none).
    """

    host: str
    kind: str
    where: str
    extra: bool
    text: str
    place: str = ""


def drifted(model: Model, snapshots: Mapping[str, Snapshot]) -> Iterator[Item]:
    """Give all that differs, host by host. Raises UserError for a policy that cannot be compiled."""
    for name, snapshot in snapshots.items():
        host = model.fleet.hosts[name]
        firewall = compile_host(model, name)
        for family, text in ((4, firewall.v4), (6, firewall.v6)):
            yield from _rules(snapshot, parse_ruleset(text, family, name))
        yield from _sets(snapshot, parse_sets(firewall.sets, name, 0))
        yield from _routes(snapshot, model, host)
        yield from _settings(snapshot, host)


def _rules(snapshot: Snapshot, intended: Ruleset) -> Iterator[Item]:
    live = snapshot.rules[intended.family]
    for name in dict.fromkeys((*intended.tables, *live.tables)):
        meant, loaded = (side.tables[name].chains if name in side.tables else {} for side in (intended, live))
        for chain in dict.fromkeys((*meant, *loaded)):
            where = f"{FAMILIES[intended.family]} {name} {chain}"
            old, new = meant.get(chain), loaded.get(chain)
            policies = (old.policy if old else "no chain"), (new.policy if new else "no chain")
            # A built-in chain that has no rules and accepts is printed by the kernel once its table was looked at.
            idle = policies == ("no chain", "ACCEPT") and new is not None and not new.rules
            if policies[0] != policies[1] and not idle:
                yield Item(snapshot.host, "policy", where, False, str(policies[0]))
                yield Item(
                    snapshot.host, "policy", where, True, str(policies[1]), _line(snapshot, new.line if new else 0)
                )
            before, after = (old.rules if old else ()), (new.rules if new else ())
            for how, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
                if how != "equal":
                    for rule in before[a:b]:
                        yield Item(snapshot.host, "rule", where, False, _text(rule))
                    for rule in after[c:d]:
                        yield Item(snapshot.host, "rule", where, True, _text(rule), _line(snapshot, rule.line))


def _text(rule: Rule) -> str:
    """Give a rule as it was written, without its counters."""
    return rule.text.partition("] ")[2] if rule.text.startswith("[") else rule.text


def _sets(snapshot: Snapshot, intended: Sets) -> Iterator[Item]:
    for name in dict.fromkeys((*intended, *snapshot.sets)):
        meant, loaded = intended.get(name), snapshot.sets.get(name)
        if meant is None or loaded is None:
            line = loaded.line if loaded else 0
            yield Item(snapshot.host, "set", name, meant is None, f"the set {name}", _line(snapshot, line))
        old = {_member(entry): entry for entry in meant.entries} if meant else {}
        new = {_member(entry): entry for entry in loaded.entries} if loaded else {}
        for key in old.keys() - new.keys():
            yield Item(snapshot.host, "member", f"set {name}", False, old[key].element)
        for key in new.keys() - old.keys():
            place = _line(snapshot, new[key].line)
            yield Item(snapshot.host, "member", f"set {name}", True, new[key].element, place)


def _member(entry: Entry) -> tuple[object, ...]:
    return entry.parts, entry.options, entry.nomatch


def _routes(snapshot: Snapshot, model: Model, host: Host) -> Iterator[Item]:
    meant: dict[int, set[tuple[int, int, Kind, int | None]]] = {4: set(), 6: set()}
    for route in routes(model, host.name):
        router = ip_address(str(route["via"])) if "via" in route else None
        if route["to"] == "default":
            version = 4 if router is None else router.version
            network = ip_network("0.0.0.0/0" if version == 4 else "::/0")
        else:
            network = ip_network(route["to"])
        kind, gateway = (Kind.NOWHERE, None) if router is None else (Kind.OUT, int(router))
        meant[network.version].add((int(network[0]), int(network[-1]), kind, gateway))
    for family, wanted in meant.items():
        legs = {(int(leg.network[0]), int(leg.network[-1])) for leg in host.legs}
        loaded = {
            (route.first, route.last, route.kind, route.gateway)
            for route in snapshot.routes[family]
            if route.table == "main" and not _on_link(route, legs, family)
        }
        for extra, some in ((False, wanted - loaded), (True, loaded - wanted)):
            for first, last, kind, way_by in sorted(some, key=str):
                way = "on the link" if kind is Kind.OUT else kind.value
                if way_by is not None:
                    way = f"via {print_address(way_by, family)}"
                text = f"{print_address(first, family)}-{print_address(last, family)} {way}"
                yield Item(snapshot.host, "route", FAMILIES[family], extra, text)


def _on_link(route: Route, legs: set[tuple[int, int]], family: int) -> bool:
    """Whether the kernel itself has set a route: to the networks of its legs, and in IPv6 to the link and nowhere."""
    if route.gateway is not None:
        return False
    own = (route.first, route.last) in legs
    kernels = family == 6 and (route.kind is Kind.MULTICAST or route.first >> 118 == 0xFE80 >> 6 or route.first == 1)
    return (route.kind is Kind.OUT and own) or kernels


_ZERO = ("accept_local", "route_localnet", "accept_source_route", "bc_forwarding", "mc_forwarding")


def _settings(snapshot: Snapshot, host: Host) -> Iterator[Item]:
    forwards = int(host.firewall)
    speaks = {leg.address.version for leg in host.legs}
    for name, value in snapshot.kernel.items():
        setting = name.rpartition("/")[2]
        wanted = value
        if setting == "ip_forward" or (setting == "forwarding" and (name.startswith("ipv4/") or 6 in speaks)):
            wanted = forwards
        elif setting == "rp_filter":
            wanted = 1
        elif setting in _ZERO:
            wanted = 0
        if value != wanted:
            yield Item(snapshot.host, "setting", "kernel", False, f"{name} = {wanted}")
            yield Item(snapshot.host, "setting", "kernel", True, f"{name} = {value}")


def _line(snapshot: Snapshot, line: int) -> str:
    return f"{snapshot.where}:{line}" if line else ""
