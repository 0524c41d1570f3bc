"""One host's answer, read: rules, sets, interfaces, routes and kernel settings as typed values."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from network.errors import Problem, UserError
from network.prove.fleet.routes import Kind, Route
from network.prove.syntax.addresses import WIDTH, parse_address, parse_prefix
from network.prove.syntax.rules import BUILT_IN, parse_ruleset
from network.prove.syntax.sets import Sets, check_sets, parse_sets
from network.prove.syntax.types import Ruleset

SECTIONS = (
    "identity",
    "rules.v4",
    "rules.v6",
    "sets",
    "legacy",
    "nft",
    "addresses",
    "routes.v4",
    "routes.v6",
    "rule.v4",
    "rule.v6",
    "kernel",
)

_BEGIN = re.compile(r"=== ([a-z0-9.]+)\Z")
_END = re.compile(r"=== exit (\d+) ([a-z0-9.]+)\Z")
_RULES = {4: ((0, "local"), (32766, "main"), (32767, "default")), 6: ((0, "local"), (32766, "main"))}


@dataclass(frozen=True)
class InterfaceAddress:
    """An address of an interface, as an integer, and the length of its network's prefix. `wide`: of global scope."""

    family: int
    address: int
    length: int
    wide: bool


@dataclass(frozen=True)
class Interface:
    """A network interface."""

    name: str
    loopback: bool
    up: bool
    addresses: tuple[InterfaceAddress, ...]


@dataclass(frozen=True)
class Snapshot:
    """What a host has loaded. `seconds` is when it said so, by its own clock (Unix time).

    `kernel` maps a setting (``ipv4/conf/eth0/rp_filter``) to its value. `native_seen` is False where the host has no
    nft program, so that rules loaded beside iptables would not be seen.
    """

    host: str
    where: str
    seconds: int
    system: str
    rules: Mapping[int, Ruleset]
    sets: Sets
    interfaces: tuple[Interface, ...]
    routes: Mapping[int, tuple[Route, ...]]
    kernel: Mapping[str, int]
    native_seen: bool

    @property
    def count(self) -> int:
        """How many rules are loaded, in both families."""
        tables = [table for ruleset in self.rules.values() for table in ruleset.tables.values()]
        return sum(len(chain.rules) for table in tables for chain in table.chains.values())

    def setting(self, name: str, default: int = 0) -> int:
        """Give a kernel setting; one that this kernel does not have counts as `default`."""
        return self.kernel.get(name, default)


_Value = TypeVar("_Value")

MOST_SHOWN = 200
"""Characters of an item that cannot be read that a message shows."""

MOST_LACKING = 4
"""More settings than this are counted, not listed."""


class IncompleteError(UserError):
    """Something that the proof would need to know could not be learnt, or cannot be expressed."""


@dataclass(frozen=True)
class _Section:
    text: str
    first_line: int


def parse_snapshot(text: str, host: str, where: str) -> Snapshot:
    """Read a host's answer. `where` is the file, for messages.

    Raises UserError with what cannot be read, and IncompleteError with what can, but goes beyond the model.
    """
    sections = _sections(text, where)
    problems: list[Problem] = []
    rules: dict[int, Ruleset] = {}
    for family in (4, 6):
        section = sections[f"rules.v{family}"]
        try:
            rules[family] = parse_ruleset(section.text, family, where, section.first_line)
        except UserError as error:
            problems += error.problems
    sets: Sets = {}
    try:
        sets = parse_sets(sections["sets"].text, where, sections["sets"].first_line)
        problems += [problem for ruleset in rules.values() for problem in check_sets(ruleset, sets)]
    except UserError as error:
        problems += error.problems
    if problems:
        raise UserError(*problems)
    gaps = [*_foreign(sections, where), *_policy_routing(sections, where)]
    interfaces = _interfaces(sections["addresses"], where)
    routes: dict[int, tuple[Route, ...]] = {}
    for family in (4, 6):
        found, unknown = _routes(sections[f"routes.v{family}"], family, where)
        routes[family] = found
        gaps += unknown
    if gaps:
        raise IncompleteError(*gaps)
    stray = _stray(routes, interfaces, where)
    if stray:
        raise UserError(*stray)
    kernel = _kernel(sections["kernel"])
    silent = _unset(kernel, interfaces, where)
    if silent:
        raise UserError(silent)
    identity = sections["identity"].text.split("\n")
    return Snapshot(
        host=host,
        where=where,
        seconds=_whole(identity[1] if len(identity) > 1 else "", sections["identity"], where),
        system=identity[2] if len(identity) > 2 else "",
        rules=rules,
        sets=sets,
        interfaces=interfaces,
        routes=routes,
        kernel=kernel,
        native_seen=sections["nft"].text.strip() != "absent",
    )


def _whole(text: str, section: _Section, where: str) -> int:
    if not text.isdecimal():
        raise UserError(_unreadable(f"{where}:{section.first_line + 1}", f"{text!r} is no time"))
    return int(text)


def _unreadable(where: str, found: str) -> Problem:
    return Problem(
        where,
        found,
        "a saved answer must be whole, and as the host gave it",
        "gather it again with `sallyport prove --save DIR`",
    )


def _sections(text: str, where: str) -> dict[str, _Section]:
    """Cut an answer into its sections. Raises UserError where one is missing, cut off or has failed."""
    sections: dict[str, _Section] = {}
    problems: list[Problem] = []
    name, lines, first = "", [""], 0
    for number, line in enumerate(text.splitlines(), 1):
        if match := _BEGIN.match(line):
            if name:
                problems.append(_unreadable(f"{where}:{first - 1}", f"section {name} has no end"))
            name, lines, first = match[1], [], number + 1
        elif (match := _END.match(line)) and match[2] == name:
            sections[name] = _Section("\n".join(lines), first)
            if match[1] != "0":
                said = " ".join(lines)[-200:]
                problems.append(_unreadable(f"{where}:{number}", f"section {name} failed with {match[1]}: {said}"))
            name = ""
        elif name:
            lines.append(line)
    if name:
        problems.append(_unreadable(f"{where}:{first - 1}", f"the answer ends inside section {name}"))
    missing = [each for each in SECTIONS if each not in sections and each != name]
    if missing:
        problems.append(_unreadable(where, f"the answer has no section {', '.join(missing)}"))
    if problems:
        raise UserError(*problems)
    return sections


def _json(section: _Section, where: str) -> list[dict[str, Any]]:
    text = section.text.strip()
    try:
        found = json.loads(text) if text else []
    except json.JSONDecodeError as error:
        raise UserError(_unreadable(f"{where}:{section.first_line}", f"this is no JSON: {error}")) from error
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise UserError(_unreadable(f"{where}:{section.first_line}", "this is no list of objects"))
    # `ip -j` prints an empty object between the entries that it filters out.
    return [item for item in found if item]


def _foreign(sections: Mapping[str, _Section], where: str) -> list[Problem]:
    """Name packet filters beside the one that iptables-save shows."""
    problems: list[Problem] = []
    rule = "every packet filter of a host must be known: nothing is proved on partial knowledge"
    remedy = "remove it, or move its rules to the iptables that this host's iptables-save shows"
    by_nft = "(nf_tables)" in sections["rules.v4"].text
    tables = sections["legacy"].text.split()
    if by_nft and tables:
        found = f"iptables-legacy has tables here too: {', '.join(sorted(set(tables)))}"
        problems.append(Problem(f"{where}:{sections['legacy'].first_line}", found, rule, remedy))
    for version in (4, 6):
        section = sections[f"rules.v{version}"]
        for number, line in enumerate(section.text.splitlines(), section.first_line):
            if line.startswith("#") and "incompatible" in line:
                problems.append(Problem(f"{where}:{number}", line, rule, remedy))
    for number, line in enumerate(sections["nft"].text.splitlines(), sections["nft"].first_line):
        words = line.split()
        if len(words) == 3 and words[0] == "table":
            ours = words[1] in {"ip", "ip6"} and words[2] in BUILT_IN
            if not (ours and by_nft):
                found = f"nftables holds a table of its own: {words[1]} {words[2]}"
                problems.append(Problem(f"{where}:{number}", found, rule, remedy))
    return problems


def _policy_routing(sections: Mapping[str, _Section], where: str) -> list[Problem]:
    problems: list[Problem] = []
    for family in (4, 6):
        section = sections[f"rule.v{family}"]
        for rule in _json(section, where):
            plain = not set(rule) - {"priority", "src", "table", "protocol"} and rule.get("src", "all") == "all"
            if not plain or (rule.get("priority", 0), str(rule.get("table", ""))) not in _RULES[family]:
                problems.append(
                    Problem(
                        f"{where}:{section.first_line}",
                        f"IPv{family} has a routing rule of its own: {json.dumps(rule)}",
                        "routes are followed by destination alone; rules that ask for more are not modelled",
                        "remove the rule, if this host is to be proved",
                    )
                )
    return problems


def _interfaces(section: _Section, where: str) -> tuple[Interface, ...]:
    return tuple(_read(item, section, where, _interface) for item in _json(section, where))


def _read(item: dict[str, Any], section: _Section, where: str, reader: Callable[[dict[str, Any]], _Value]) -> _Value:
    """Read one item of JSON. Raises UserError with the item where it is not as the ip program prints it."""
    try:
        return reader(item)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        found = f"{type(error).__name__} ({error}) in {json.dumps(item)[:MOST_SHOWN]}"
        raise UserError(_unreadable(f"{where}:{section.first_line}", found)) from error


def _interface(item: dict[str, Any]) -> Interface:
    addresses = tuple(
        InterfaceAddress(
            family,
            parse_address(info["local"], family),
            int(info["prefixlen"]),
            info.get("scope") == "global",
        )
        for info in item.get("addr_info", ())
        if (family := {"inet": 4, "inet6": 6}.get(info.get("family", ""), 0)) and "local" in info
    )
    flags = item.get("flags", ())
    return Interface(item["ifname"], "LOOPBACK" in flags, "UP" in flags, addresses)


_TYPES: Mapping[str, Kind] = {
    "unicast": Kind.OUT,
    "local": Kind.LOCAL,
    "anycast": Kind.LOCAL,
    "broadcast": Kind.BROADCAST,
    "multicast": Kind.MULTICAST,
    "unreachable": Kind.NOWHERE,
    "prohibit": Kind.NOWHERE,
    "blackhole": Kind.NOWHERE,
}


def _routes(section: _Section, family: int, where: str) -> tuple[tuple[Route, ...], list[Problem]]:
    routes: list[Route] = []
    problems: list[Problem] = []
    for item in _json(section, where):
        table = str(item.get("table", "main"))
        if table not in {"local", "main", "default"}:
            continue  # no rule leads there
        beyond = _beyond(item)
        if beyond:
            problems.append(
                Problem(
                    f"{where}:{section.first_line}",
                    f"{beyond}: {json.dumps(item)}",
                    "a route leads to one next hop, by destination alone; others are not modelled",
                    "replace the route by plain ones, if this host is to be proved",
                )
            )
        elif "dead" not in item.get("flags", ()):
            routes.append(_read(item, section, where, partial(_route, family=family, table=table)))
    return tuple(routes), problems


def _beyond(item: Mapping[str, Any]) -> str:
    """Say what about a route goes beyond the model; nothing if it does not."""
    if "nexthops" in item:
        return "this route has several next hops"
    if "encap" in item or "nhid" in item:
        return "this route leads into a tunnel or a next-hop object"
    if item.get("tos"):
        return "this route asks for a type of service"
    if item.get("type", "unicast") not in _TYPES:
        return "this type of route is not known"
    return ""


def _route(item: Mapping[str, Any], family: int, table: str) -> Route:
    if item["dst"] == "default":
        address, mask = 0, 0
    else:
        prefix = parse_prefix(item["dst"], family)
        address, mask = prefix.address, prefix.mask
    gateway = item.get("gateway") or item.get("via", {}).get("host")
    via = None if gateway is None else parse_address(gateway, 6 if ":" in gateway else 4)
    preferred = item.get("prefsrc")
    return Route(
        first=address,
        last=address | (mask ^ ((1 << WIDTH[family]) - 1)),
        kind=_TYPES[item.get("type", "unicast")],
        interface=item.get("dev", ""),
        gateway=via,
        table=table,
        metric=int(item.get("metric", 0)),
        preferred=parse_address(preferred, family) if preferred else None,
    )


def _stray(routes: Mapping[int, tuple[Route, ...]], interfaces: tuple[Interface, ...], where: str) -> list[Problem]:
    """Name the interfaces that routes lead out by and section addresses does not have."""
    known = {interface.name for interface in interfaces}
    leading = (route for some in routes.values() for route in some if route.interface or route.kind is Kind.OUT)
    names = dict.fromkeys(route.interface for route in leading if route.interface not in known)
    found = "a route leads by {}, which section addresses does not list"
    return [_unreadable(where, found.format(name or "no interface")) for name in names]


NEEDED: Mapping[str, tuple[str, ...]] = {
    "ipv4": (
        "forwarding",
        "rp_filter",
        "accept_local",
        "route_localnet",
        "accept_source_route",
        "bc_forwarding",
        "mc_forwarding",
    ),
    "ipv6": ("forwarding", "disable_ipv6", "accept_source_route"),
}
"""The settings that every kernel of the model has for each interface; of IPv6, if it has that at all."""


def _unset(kernel: Mapping[str, int], interfaces: tuple[Interface, ...], where: str) -> Problem | None:
    """Name the settings that the answer lacks: none of them may be guessed."""
    wanted = [
        f"{version}/conf/{scope}/{setting}"
        for version, settings in NEEDED.items()
        if version == "ipv4" or any(name.startswith("ipv6/") for name in kernel)
        for scope in ("all", *(interface.name for interface in interfaces))
        for setting in settings
    ]
    lacking = [name for name in wanted if name not in kernel]
    if not lacking:
        return None
    shown = ", ".join(lacking[:MOST_LACKING]) + (
        f" and {len(lacking) - MOST_LACKING} more" * (len(lacking) > MOST_LACKING)
    )
    return _unreadable(where, f"section kernel does not say {shown}")


def _kernel(section: _Section) -> dict[str, int]:
    settings: dict[str, int] = {}
    for line in section.text.splitlines():
        name, _, value = line.rpartition(":")
        if value.strip().lstrip("-").isdecimal():
            settings[name] = int(value)
    return settings
