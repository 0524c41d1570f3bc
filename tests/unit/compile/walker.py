"""Walks the text that was compiled as the kernel would, for one packet: it shares no code with the compiler.

It reads iptables-restore and ipset input, knows the matches the compiler writes and refuses any other.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from network.model import Address

WORD = re.compile(r'"[^"]*"|\S+')
Match = Callable[["Packet"], bool]


@dataclass(frozen=True)
class Packet:
    """A packet as one table sees it, by default a TCP SYN that opens a connection.

    `sent_to` and `sent_to_port` are conntrack's original destination (before DNAT); `protocol` may be tcp, udp, icmp
    (either version). `spoofed` is what the reverse path filter would say.
    """

    source: Address
    destination: Address
    protocol: str = "tcp"
    port: int = 0
    state: str = "NEW"
    syn: bool = True
    sent_to: Address | None = None
    sent_to_port: int | None = None
    icmp_type: int = 8
    hop_limit: int = 64
    interface: str = "eth0"
    spoofed: bool = False


@dataclass(frozen=True)
class Verdict:
    """What becomes of a packet, by which rule's comment, after how many rules. `to` is the translated address."""

    name: str
    comment: str
    visited: int
    to: tuple[Address, int | None] | None = None


@dataclass(frozen=True)
class Rule:
    """One line of a chain. `known` says that it only concerns packets which open no connection."""

    matches: tuple[Match, ...]
    verb: str
    target: str
    comment: str
    to: tuple[Address, int | None] | None
    known: bool
    always: bool
    protocol: str


@dataclass
class Sets:
    """The sets of `ipset restore` input."""

    kinds: dict[str, str] = field(default_factory=dict)
    members: dict[str, set[tuple[object, ...]]] = field(default_factory=dict)
    lengths: dict[str, set[int]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "Sets":
        found = cls()
        rooms: dict[str, int] = {}
        for line in text.splitlines():
            verb, name, *rest = line.split()
            if verb == "create":
                assert name not in found.kinds, f"{name} is created twice"
                found.kinds[name], found.members[name], found.lengths[name] = rest[0], set(), set()
                family = "inet" if name.endswith("-v4") else "inet6"
                assert rest[1:3] == ["family", family]
                assert rest[3:4] in ([], ["maxelem"])
                rooms[name] = int(rest[4]) if len(rest) > 3 else 65536
            else:
                assert verb == "add"
                found._add(name, rest[0].split(","))
        assert all(len(members) <= rooms[name] for name, members in found.members.items())
        return found

    def _add(self, name: str, parts: list[str]) -> None:
        kind = self.kinds[name].removeprefix("hash:").split(",")
        assert len(parts) == len(kind)
        member: list[object] = []
        for part, what in zip(parts, kind, strict=True):
            if what == "net":
                number, length = _network(part)
                assert length > 0, "the kernel refuses a network of length 0"
                self.lengths[name].add(length)
                member.append((number, length))
            elif what == "ip":
                member.append(_network(part)[0])
            else:
                protocol, port = part.split(":")
                member.append((protocol, int(port)))
        before = len(self.members[name])
        self.members[name].add(tuple(member))
        assert len(self.members[name]) > before, f"{parts} is twice in {name}"

    def holds(self, name: str, packet: Packet, directions: list[str]) -> bool:
        """Whether a packet is in a set, looking at these sides of it."""
        kind = self.kinds[name].removeprefix("hash:").split(",")
        assert len(kind) == len(directions)
        if packet.source.version != (4 if name.endswith("-v4") else 6):
            raise AssertionError(f"{name} is asked for a packet of another family")
        bits = packet.source.max_prefixlen
        for length in self.lengths[name] or {bits}:
            key: list[object] = []
            for what, direction in zip(kind, directions, strict=True):
                address = int(packet.source if direction == "src" else packet.destination)
                if what == "net":
                    key.append((address >> (bits - length) << (bits - length), length))
                elif what == "ip":
                    key.append(address)
                else:
                    assert direction == "dst"
                    key.append((packet.protocol, packet.port))
            if tuple(key) in self.members[name]:
                return True
        return False


class Ruleset:
    """The tables of one family of one host."""

    def __init__(self, text: str, sets: Sets) -> None:
        self.sets = sets
        self.tables: dict[str, dict[str, list[Rule]]] = {}
        self.policies: dict[tuple[str, str], str] = {}
        table = ""
        for line in text.splitlines():
            if line.startswith("*"):
                table = line[1:]
                assert table not in self.tables
                self.tables[table] = {}
            elif line.startswith(":"):
                chain, policy, _ = line[1:].split()
                self.tables[table][chain] = []
                self.policies[table, chain] = policy
            elif line.startswith("-A"):
                _, chain, rest = line.split(" ", 2)
                self.tables[table][chain].append(_rule(rest, self.sets))
            else:
                assert line == "COMMIT"

    def walk(self, table: str, chain: str, packet: Packet) -> Verdict:
        """Return what a built-in chain does with a packet."""
        visited = 0
        calls: list[Iterator[Rule]] = [iter(self.tables[table][chain])]
        while calls:
            rule = next(calls[-1], None)
            if rule is None:
                calls.pop()
                continue
            visited += 1
            if not all(match(packet) for match in rule.matches):
                continue
            if rule.target in self.tables[table]:
                if rule.verb == "-g":
                    calls.pop()
                calls.append(iter(self.tables[table][rule.target]))
            elif rule.target != "NFLOG":
                return Verdict(rule.target, rule.comment, visited, rule.to)
        return Verdict(self.policies[table, chain], "policy", visited)

    def depth(self, table: str, chain: str) -> int:
        """Return the most rules that any packet which opens a connection can meet, over all ways through the chains.

        Of the matches it looks only at the protocol and at the state, so no packet meets more, and some may meet less.
        """
        return max(self._depth(table, chain, protocol, 0) for protocol in ("tcp", "udp", "icmp"))

    def _depth(self, table: str, chain: str, protocol: str, after: int) -> int:
        """Rules met from a chain on, if `after` more are met when the chain ends without a verdict."""
        best = after
        for rule in reversed(self.tables[table][chain]):
            if rule.known or rule.protocol in _others(protocol):
                best = 1 + best
            elif rule.target in self.tables[table]:
                inside = self._depth(table, rule.target, protocol, best if rule.verb == "-j" else after)
                best = 1 + (inside if rule.always else max(inside, best))
            elif rule.always and rule.target != "NFLOG":
                best = 1
            else:
                best = 1 + best
        return best


def _others(protocol: str) -> set[str]:
    """Return what the protocol match of a rule may say that a packet of this protocol never passes."""
    return {"tcp", "udp", "icmp"} - {protocol} | {f"! {protocol}"}


@lru_cache(maxsize=65536)
def _network(text: str) -> tuple[int, int]:
    network = ip_network(text)
    return int(network.network_address), network.prefixlen


def _rule(text: str, sets: Sets) -> Rule:
    words = [word.strip('"') for word in WORD.findall(text)]
    matches: list[Match] = []
    verb = target = comment = ""
    to: tuple[Address, int | None] | None = None
    known = False
    negate = False
    protocol = ""
    while words:
        word = words.pop(0)
        if word == "!":
            negate = True
            continue
        if word in ("-m", "--nflog-prefix", "--nflog-group", "--reject-with") or word.startswith("--hashlimit"):
            words.pop(0)
        elif word in ("-j", "-g"):
            verb, target = word, words.pop(0)
        elif word == "--comment":
            comment = words.pop(0)
        elif word in ("--to-destination", "--to-source"):
            to = _translation(words.pop(0))
        else:
            if word == "-p":
                protocol = ("! " if negate else "") + words[0].replace("ipv6-", "")
            if word == "--ctstate":
                known = "NEW" not in words[0].split(",")
            match = _match(word, words, sets)
            matches.append(_negated(match) if negate else match)
        negate = False
    return Rule(tuple(matches), verb, target, comment, to, known, not matches, protocol)


def _match(word: str, words: list[str], sets: Sets) -> Match:  # noqa: PLR0911, PLR0912 one branch per match
    if word == "--invert":
        return lambda packet: packet.spoofed
    value = words.pop(0)
    match word:
        case "-s":
            source = ip_network(value)
            return lambda packet: _in(packet.source, source)
        case "-d":
            destination = ip_network(value)
            return lambda packet: _in(packet.destination, destination)
        case "-p":
            protocol = "icmp" if value == "ipv6-icmp" else value
            return lambda packet: packet.protocol == protocol
        case "-i" | "-o":
            return lambda packet: packet.interface == value
        case "--dport":
            span = _span(value)
            return lambda packet: span[0] <= packet.port <= span[1]
        case "--dports":
            spans = [_span(each) for each in value.split(",")]
            assert sum(1 + (low != high) for low, high in spans) <= 15
            return lambda packet: any(low <= packet.port <= high for low, high in spans)
        case "--match-set":
            assert value in sets.kinds, f"the set {value} is not created"
            directions = words.pop(0).split(",")
            return lambda packet: sets.holds(value, packet, directions)
        case "--ctstate":
            states = value.split(",")
            return lambda packet: packet.state in states
        case "--ctorigdst":
            sent_to = ip_address(value)
            return lambda packet: packet.sent_to == sent_to
        case "--ctorigdstport":
            ports = _span(value)
            return lambda packet: packet.sent_to_port is not None and ports[0] <= packet.sent_to_port <= ports[1]
        case "--icmp-type" | "--icmpv6-type":
            return lambda packet: packet.icmp_type == int(value)
        case "--hl-eq":
            return lambda packet: packet.hop_limit == int(value)
        case "--tcp-flags":
            assert [value, words.pop(0)] == ["FIN,SYN,RST,ACK", "SYN"]
            return lambda packet: packet.syn
    raise AssertionError(f"the walker does not know {word}")


def _in(address: Address, network: IPv4Network | IPv6Network) -> bool:
    assert address.version == network.version, "a rule of the other family"
    return address in network


def _negated(match: Match) -> Match:
    return lambda packet: not match(packet)


def _span(text: str) -> tuple[int, int]:
    first, _, last = text.partition(":")
    return int(first), int(last or first)


def _translation(text: str) -> tuple[Address, int | None]:
    if text.startswith("["):
        address, _, port = text[1:].partition("]:")
    elif text.count(":") > 1:
        address, port = text, ""
    else:
        address, _, port = text.partition(":")
    return ip_address(address), int(port) if port else None


def translated(packet: Packet, verdict: Verdict) -> Packet:
    """Return the packet after a DNAT verdict; any other verdict leaves it as it is."""
    if verdict.name != "DNAT" or verdict.to is None:
        return replace(packet, sent_to=packet.destination, sent_to_port=packet.port)
    address, port = verdict.to
    return replace(
        packet,
        destination=address,
        port=packet.port if port is None else port,
        sent_to=packet.destination,
        sent_to_port=packet.port,
    )
