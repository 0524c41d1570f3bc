"""Reading and writing what `ipset save` prints: named sets of addresses, ports and interfaces."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from network.errors import Problem, UserError
from network.prove.syntax.addresses import WIDTH, parse_address, parse_prefix
from network.prove.syntax.matches import parse_range
from network.prove.syntax.numbers import ICMP, ICMP_TYPES, ICMPV6, TCP, parse_protocol
from network.prove.syntax.types import Ruleset, SetMember
from network.prove.syntax.words import Word, split


@dataclass(frozen=True, slots=True)
class Addresses:
    """A single address or a network, as an inclusive range."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class PortNumbers:
    """A protocol and an inclusive range of ports; of ICMP, type * 256 + code. Protocol None is TCP or UDP."""

    protocol: int | None
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class InterfaceName:
    """An interface, or all whose names begin so."""

    name: str
    wildcard: bool


@dataclass(frozen=True, slots=True)
class Inner:
    """Another set (in a list:set)."""

    name: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of an entry that is not modelled (MAC address, mark, bridge port)."""

    text: str


Part = Addresses | PortNumbers | InterfaceName | Inner | Unreadable


@dataclass(frozen=True, slots=True)
class Entry:
    """An element of a set. `nomatch` excepts it; one that `expires` may be gone at any time."""

    element: str
    parts: tuple[Part, ...]
    options: tuple[str, ...] = ()
    nomatch: bool = False
    expires: bool = False
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class IpSet:
    """A named set. `kinds` are what its type looks at in turn, such as ip and port. Family None is neither."""

    name: str
    type: str
    family: int | None
    kinds: tuple[str, ...]
    options: tuple[str, ...]
    entries: tuple[Entry, ...]
    line: int = field(default=0, compare=False)


Sets = Mapping[str, IpSet]

KINDS = frozenset({"ip", "net", "port", "mac", "mark", "iface", "set"})


@dataclass
class _Draft:
    set: IpSet
    netmask: int | None
    entries: list[Entry] = field(default_factory=list)


def _part(kind: str, text: str, draft: _Draft, wildcard: bool) -> Part:
    family = draft.set.family or 4
    match kind:
        case "ip" | "net":
            part: Part = _addresses(text, family, draft.netmask)
        case "port":
            part = _ports(text, family, draft.set.kinds == ("port",))
        case "iface":
            part = Unreadable(text) if text.startswith("physdev:") else InterfaceName(text, wildcard)
        case "set":
            part = Inner(text)
        case _:
            part = Unreadable(text)
    return part


def _addresses(text: str, family: int, netmask: int | None) -> Addresses:
    first, dash, last = text.partition("-")
    if dash:
        return Addresses(parse_address(first, family), parse_address(last, family))
    if netmask is not None and "/" not in text:
        text = f"{text}/{netmask}"
    prefix = parse_prefix(text, family)
    return Addresses(prefix.address, prefix.address | (prefix.mask ^ ((1 << WIDTH[family]) - 1)))


def _ports(text: str, family: int, alone: bool) -> PortNumbers:
    name, colon, rest = text.rpartition(":")
    if not colon:
        first, last = parse_range(rest, mark="-")
        return PortNumbers(None if alone else TCP, first, last)
    protocol = parse_protocol(name)
    if protocol in {ICMP, ICMPV6}:
        named = ICMP_TYPES[family].get(rest)
        if named:
            code = named[0] * 256 + (named[1] or 0)
        else:
            kind, _, number = rest.partition("/")
            code = int(kind) * 256 + int(number or 0)
        return PortNumbers(protocol, code, code)
    first, last = parse_range(rest, mark="-")
    return PortNumbers(protocol, first, last)


def _option(words: tuple[str, ...], name: str) -> str | None:
    return words[words.index(name) + 1] if name in words[:-1] else None


def _create(words: list[Word], number: int) -> _Draft:
    values = tuple(word.value for word in words)
    name, kind = values[1], values[2]
    method, _, listed = kind.partition(":")
    kinds = tuple(listed.split(","))
    if method not in {"hash", "bitmap", "list"} or not KINDS.issuperset(kinds):
        raise ValueError(f"{kind!r} is no type of set this program knows")
    options = values[3:]
    if kind == "list:set" or kinds in {("port",), ("mac",)}:
        family = None
    else:
        family = 6 if _option(options, "family") == "inet6" else 4
    netmask = _option(options, "netmask")
    raw = tuple(word.raw for word in words[3:])
    return _Draft(IpSet(name, kind, family, kinds, raw, (), number), int(netmask) if netmask else None)


def _add(words: list[Word], number: int, draft: _Draft) -> Entry:
    element = words[2].value
    options = tuple(word.value for word in words[3:])
    texts = element.split(",")
    if len(texts) != len(draft.set.kinds):
        if draft.set.type != "bitmap:ip,mac":
            raise ValueError(f"{element!r} does not have the parts of a {draft.set.type}")
        texts.append("")  # the address learns its MAC later
    parts = tuple(
        _part(kind, text, draft, "wildcard" in options) for kind, text in zip(draft.set.kinds, texts, strict=True)
    )
    lasting = _option(options, "timeout") in {None, "0"}
    raw = tuple(word.raw for word in words[3:])
    return Entry(element, parts, raw, "nomatch" in options, not lasting, number)


def parse_sets(text: str, where: str, first_line: int = 1) -> Sets:
    """Read what `ipset save` printed. Refused with UserError, which names every line that is wrong."""
    drafts: dict[str, _Draft] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), first_line):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            words = split(line)
            if len(words) < 3 or words[0].value not in {"create", "add"}:
                raise ValueError("this is neither a create nor an add")
            name = words[1].value
            if words[0].value == "create":
                if name in drafts:
                    raise ValueError(f"set {name!r} is created twice")
                drafts[name] = _create(words, number)
            elif name not in drafts:
                raise ValueError(f"set {name!r} is not created before this")
            else:
                drafts[name].entries.append(_add(words, number, drafts[name]))
        except ValueError as error:
            problems.append(
                Problem(
                    f"{where}:{number}",
                    f"{error}, in: {line.strip()}",
                    "every line must be one that ipset save prints and this program knows",
                    "take the dump again with ipset save; if it is right, the proof cannot be made for this host",
                )
            )
    if problems:
        raise UserError(*problems)
    return {
        name: IpSet(s.name, s.type, s.family, s.kinds, s.options, tuple(draft.entries), s.line)
        for name, draft in drafts.items()
        for s in (draft.set,)
    }


def print_sets(sets: Sets) -> str:
    """Write sets as `ipset save` prints them."""
    lines: list[str] = []
    for one in sets.values():
        lines.append(" ".join(("create", one.name, one.type, *one.options)))
        lines += (" ".join(("add", one.name, entry.element, *entry.options)) for entry in one.entries)
    return "".join(f"{line}\n" for line in lines)


def check_sets(ruleset: Ruleset, sets: Sets) -> list[Problem]:
    """Name every rule and every list that speaks of a set that is not there."""
    problems: list[Problem] = []
    rule_of_sets = "a rule may only name a set that is loaded"
    remedy = "take rules and sets in one dump; the kernel loads no rule whose set is missing"
    for table in ruleset.tables.values():
        for chain in table.chains.values():
            for rule in chain.rules:
                for match in rule.matches:
                    if isinstance(match, SetMember) and match.name not in sets:
                        found = f"set {match.name!r} is not loaded, in: {rule.text}"
                        problems.append(Problem(f"{ruleset.where}:{rule.line}", found, rule_of_sets, remedy))
    for one in sets.values():
        for entry in one.entries:
            for part in entry.parts:
                if isinstance(part, Inner) and part.name not in sets:
                    found = f"list {one.name!r} holds set {part.name!r}, which is not loaded"
                    problems.append(Problem(f"{ruleset.where}:{entry.line}", found, rule_of_sets, remedy))
    return problems
