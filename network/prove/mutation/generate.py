"""Every single change of one host's answer: of its rules, policies, sets, routes and kernel settings."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from network.prove.fleet.snapshot import Snapshot
from network.prove.mutation.mutant import Mutant
from network.prove.mutation.rules import stretched, variants
from network.prove.syntax.addresses import length_of, parse_prefix, print_address, print_prefix
from network.prove.syntax.sets import Entry, IpSet
from network.prove.syntax.text import print_rule
from network.prove.syntax.types import Chain, Goto, Jump, Rule

_HANDED_ON = {"ipv4/ip_forward": "ipv4/conf/*/forwarding"} | {
    f"{conf}/all/{name}": f"{conf}/*/{name}"
    for conf, name in (("ipv4/conf", "forwarding"), ("ipv6/conf", "forwarding"), ("ipv6/conf", "disable_ipv6"))
}
"""Settings that overwrite others when they are written, and which (Linux, networking/ip-sysctl)."""


class Generator:
    """Changes one host's answer."""

    def __init__(self, text: str, snapshot: Snapshot) -> None:
        self.lines = tuple(text.splitlines())
        self.snapshot = snapshot
        self.host = snapshot.host

    def mutants(self) -> Iterator[Mutant]:
        """Give every mutant, in the order of the answer."""
        for family, ruleset in self.snapshot.rules.items():
            for table in ruleset.tables.values():
                for chain in table.chains.values():
                    yield from self._policy(f"rules.v{family}", chain)
                    yield from self._rules(f"rules.v{family}", family, chain)
        for one in self.snapshot.sets.values():
            yield from self._set(one)
        for number, line in enumerate(self.lines, 1):
            if match := re.fullmatch(r"=== routes\.v([46])", line):
                yield from self._routes(int(match[1]), number + 1)
            elif line == "=== kernel":
                yield from self._settings(number + 1)

    def _mutant(
        self,
        kind: tuple[str, str],
        place: tuple[str, int],
        edits: Mapping[int, tuple[str, ...]],
        names: Sequence[str],
        shown: tuple[str, str],
    ) -> Mutant:
        return Mutant(self.host, *kind, *place, *shown, tuple(names), self.lines, edits)

    # Rules.

    def _policy(self, section: str, chain: Chain) -> Iterator[Mutant]:
        if chain.policy is None:
            return
        was = self.lines[chain.line - 1]
        other = "DROP" if chain.policy == "ACCEPT" else "ACCEPT"
        now = was.replace(f" {chain.policy}", f" {other}", 1)
        yield self._mutant(
            ("policy", "verdict"), (section, chain.line), {chain.line: (now,)}, (chain.name,), (was, now)
        )

    def _rules(self, section: str, family: int, chain: Chain) -> Iterator[Mutant]:
        for number, rule in enumerate(chain.rules):
            line, was = rule.line, print_rule(rule, chain.name, family)
            names = list(_names(self.snapshot.where, chain.name, rule))

            def changed(
                change: str, *now: str, names: Sequence[str] = names, line: int = line, was: str = was
            ) -> Mutant:
                return self._mutant(("rule", change), (section, line), {line: now}, names, (was, now[0] if now else ""))

            yield changed("delete")
            yield changed("duplicate", was, was)
            for change, fresh in variants(rule, family):
                yield changed(change, print_rule(fresh, chain.name, family))
            if number + 1 < len(chain.rules):
                after = chain.rules[number + 1]
                fresh_edits = {line: (print_rule(after, chain.name, family),), after.line: (was,)}
                both = [*names, *_names(self.snapshot.where, chain.name, after)]
                shown = was, f"after {print_rule(after, chain.name, family)}"
                yield self._mutant(("rule", "reorder"), (section, line), fresh_edits, both, shown)

    # Sets.

    def _set(self, one: IpSet) -> Iterator[Mutant]:
        names = (
            f"set {one.name}",
            f"ipset {one.name}",
            *(f"{self.snapshot.where}:{each.line}" for each in one.entries),
        )
        for number, entry in enumerate(one.entries):
            line, was = entry.line, self.lines[entry.line - 1]

            def changed(change: str, *now: str, line: int = line, was: str = was) -> Mutant:
                return self._mutant(("set", change), ("sets", line), {line: now}, names, (was, now[0] if now else ""))

            yield changed("delete")
            yield changed("duplicate", was, was)
            yield from (
                changed(change, was.replace(entry.element, fresh, 1)) for change, fresh in _stretched(one, entry)
            )
            if number + 1 < len(one.entries):
                following = one.entries[number + 1].line
                edits = {line: (self.lines[following - 1],), following: (was,)}
                yield self._mutant(("set", "reorder"), ("sets", line), edits, names, (was, f"after line {following}"))

    # Routes.

    def _routes(self, family: int, line: int) -> Iterator[Mutant]:
        if not self.lines[line - 1].startswith("["):
            return
        routes: list[dict[str, Any]] = json.loads(self.lines[line - 1])

        def changed(change: str, number: int, *now: dict[str, Any], drop: int = 1) -> Mutant:
            fresh = json.dumps([*routes[:number], *now, *routes[number + drop :]])
            shown = _route(routes[number]), _route(now[0]) if now else ""
            names = (f"{self.host} route", f"{self.host} net.", f"{self.host} raw PREROUTING")
            return self._mutant(("route", change), (f"routes.v{family}", line), {line: (fresh,)}, names, shown)

        for number, route in enumerate(routes):
            if not route:
                continue
            yield changed("delete", number)
            yield changed("duplicate", number, route, route)
            if number + 1 < len(routes):
                yield changed("reorder", number, routes[number + 1], route, drop=2)
            for change, step in (("widen", -1), ("narrow", 1)):
                prefix = parse_prefix("0.0.0.0/0" if family == 4 else "::/0", family)
                if route["dst"] != "default":
                    prefix = parse_prefix(route["dst"], family)
                fresh = stretched(prefix, step, family)
                if fresh is not None:
                    default = length_of(fresh.mask, family) == 0
                    text = "default" if default else print_prefix(fresh, family, short=True)
                    yield changed(change, number, {**route, "dst": text})
            if "gateway" in route:
                gateway = parse_prefix(route["gateway"], family).address + 40
                yield changed("redirect", number, {**route, "gateway": print_address(gateway, family)})

    # Kernel settings.

    def _settings(self, first: int) -> Iterator[Mutant]:
        known: dict[str, int] = {}
        for number, line in enumerate(self.lines[first - 1 :], first):
            if line.startswith("=== "):
                break
            known[line.rpartition(":")[0]] = number
        for name, number in known.items():
            was = self.lines[number - 1]
            names = (name.rpartition("/")[2], f"{self.host} net.")
            yield self._mutant(("setting", "delete"), ("kernel", number), {number: ()}, names, (was, ""))
            for value in (0, 1, 2) if name.endswith("/rp_filter") else (0, 1):
                if str(value) == was.rpartition(":")[2]:
                    continue
                pattern = _HANDED_ON.get(name, name)
                also = re.compile(re.escape(pattern).replace(r"\*", "[^/]+"))
                edits = {n: (f"{each}:{value}",) for each, n in known.items() if each == name or also.fullmatch(each)}
                yield self._mutant(("setting", "alter"), ("kernel", number), edits, names, (was, f"{name}:{value}"))


def _names(where: str, chain: str, rule: Rule) -> Iterator[str]:
    """Give what a counterexample may call a rule: its line, its neighbours', its chain, where it leads, its flow."""
    yield from (f"{where}:{near}" for near in (rule.line - 1, rule.line, rule.line + 1))
    chains = [chain]
    if isinstance(rule.action, Jump | Goto):
        chains.append(rule.action.chain)
    for each in chains:
        yield from (f"filter {each}", f"raw {each}", f"nat {each}", f"mangle {each}", f"chain {each}", f", {each}")
    if rule.flow:
        yield f"flow {rule.flow}"


def _stretched(one: IpSet, entry: Entry) -> Iterator[tuple[str, str]]:
    """Give the first part of a member wider and narrower, where it is an address or a network."""
    if one.kinds[0] not in {"ip", "net"} or one.family is None or "-" in entry.element:
        return
    first, comma, rest = entry.element.partition(",")
    for change, step in (("widen", -1), ("narrow", 1)):
        fresh = stretched(parse_prefix(first, one.family), step, one.family)
        if fresh is not None:
            yield change, f"{print_prefix(fresh, one.family, short=True)}{comma}{rest}"


def _route(route: Mapping[str, Any]) -> str:
    """Show a route as ip does."""
    kind = f"{route['type']} " if "type" in route else ""
    via = f" via {route['gateway']}" if "gateway" in route else ""
    return f"{kind}{route['dst']}{via}" + (f" dev {route['dev']}" if "dev" in route else "")
