"""Whether a single packet meets a rule's conditions: a direct reading of their text, apart from the diagrams."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from network.prove.engine.intervals import contains
from network.prove.semantics.layout import State
from network.prove.semantics.packet import Packet
from network.prove.semantics.surroundings import Surroundings
from network.prove.syntax.numbers import ICMP, ICMPV6, TCP, UDP, WITH_PORTS
from network.prove.syntax.sets import Addresses, Entry, Inner, InterfaceName, PortNumbers
from network.prove.syntax.types import (
    Address,
    AddressRange,
    AddressType,
    Comment,
    ConnectionAddress,
    ConnectionPort,
    ConnectionState,
    Continue,
    Extension,
    Fragment,
    HopLimit,
    IcmpType,
    Interface,
    Match,
    Ports,
    Protocol,
    ReversePath,
    Rule,
    Ruleset,
    SetMember,
    Side,
    TcpFlags,
)

Truth = bool | None
"""Whether a condition holds; None where the model does not know."""


_CONNECTED = frozenset({State.NEW, State.ESTABLISHED, State.RELATED})


def both(truths: Iterable[Truth]) -> Truth:
    """Join conditions that must all hold."""
    answer: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            answer = None
    return answer


def either(truths: Iterable[Truth]) -> Truth:
    """Join conditions of which one must hold."""
    answer: Truth = False
    for truth in truths:
        if truth is True:
            return True
        if truth is None:
            answer = None
    return answer


def negate(truth: Truth, negated: bool) -> Truth:
    """Turn a condition round where it is negated."""
    return truth if truth is None or not negated else not truth


class Judge:
    """Reads conditions for the rules of one host and family."""

    def __init__(self, ruleset: Ruleset, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self._effects = [
            rule.action
            for table in ruleset.tables.values()
            for chain in table.chains.values()
            for rule in chain.rules
            if isinstance(rule.action, Continue)
        ]

    @cached_property
    def _hops_change(self) -> bool:
        return any(action.target in {"TTL", "HL"} for action in self._effects)

    @cached_property
    def _changed(self) -> frozenset[str]:
        return frozenset(word for action in self._effects if action.target == "SET" for word in action.words)

    def holds(self, rule: Rule, packet: Packet, table: str) -> Truth:
        """Tell whether a packet meets all conditions of a rule."""
        parts = [self._match(match, packet) for match in rule.header]
        parts += [self._extension(extension, packet, table) for extension in rule.extensions]
        return both(parts)

    def failing(self, rule: Rule, packet: Packet, table: str) -> list[Match]:
        """Give the conditions of a rule that a packet surely does not meet."""
        failed = [match for match in rule.header if self._match(match, packet) is False]
        for extension in rule.extensions:
            if self._extension(extension, packet, table) is False:
                failed += extension.matches[:1]
        return failed

    def _extension(self, extension: Extension, packet: Packet, table: str) -> Truth:
        protocols = _PROTOCOLS.get(extension.module)
        if protocols is not None and packet.protocol not in protocols:
            return False
        if extension.module in {"conntrack", "state"}:
            return self._conntrack(extension, packet, table)
        return both(self._match(match, packet) for match in extension.matches)

    def _conntrack(self, extension: Extension, packet: Packet, table: str) -> Truth:
        states = [match for match in extension.matches if isinstance(match, ConnectionState)]
        truth = both(negate(self._state(match, packet, table), match.negated) for match in states)
        others = [match for match in extension.matches if not isinstance(match, ConnectionState | Comment)]
        if not others:
            return truth
        if table == "raw" or packet.state not in _CONNECTED:
            return truth if states else False
        return both([truth, *(self._tuple(match, packet) for match in others)])

    def _state(self, match: ConnectionState, packet: Packet, table: str) -> Truth:
        if table == "raw":
            asked = {"INVALID", "UNTRACKED"} & match.states
            return None if len(asked) == 1 else bool(asked)
        if packet.state.name in match.states:
            return True
        truths: list[Truth] = []
        if "DNAT" in match.states and packet.state in _CONNECTED:
            truths.append(packet.translated if packet.state is State.NEW else None)
        if "SNAT" in match.states and packet.state in _CONNECTED:
            truths.append(None)
        return either(truths)

    def _tuple(self, match: Match, packet: Packet) -> Truth:
        if packet.state is not State.NEW:
            return None
        match match:
            case ConnectionAddress(original, side, prefix, negated):
                if original and side is Side.DESTINATION and packet.original_dst is not None:
                    value = packet.original_dst
                else:
                    value = packet.src if (side is Side.SOURCE) == original else packet.dst
                return negate(value & prefix.mask == prefix.address, negated)
            case ConnectionPort() if packet.protocol not in WITH_PORTS:
                return None
            case ConnectionPort(original, side, first, last, negated):
                if original and side is Side.DESTINATION and packet.original_dport is not None:
                    value = packet.original_dport
                else:
                    value = packet.sport if (side is Side.SOURCE) == original else packet.dport
                return negate(first <= value <= last, negated)
        return None

    def _match(self, match: Match, packet: Packet) -> Truth:
        truth = self._plain(match, packet)
        return negate(truth, getattr(match, "negated", False))

    def _plain(self, match: Match, packet: Packet) -> Truth:
        truth: Truth = None
        match match:
            case Comment():
                truth = True
            case Address(side, prefix):
                truth = _address(packet, side) & prefix.mask == prefix.address
            case AddressRange(side, first, last):
                truth = first <= _address(packet, side) <= last
            case Interface(side, name):
                truth = _named(packet.iif if side is Side.SOURCE else packet.oif, name)
            case Protocol(number):
                truth = packet.protocol == number
            case Fragment():
                truth = False if packet.family == 4 else None
            case TcpFlags(mask, flags):
                truth = packet.flags & mask == flags
            case _:
                truth = self._other(match, packet)
        return truth

    def _other(self, match: Match, packet: Packet) -> Truth:
        truth: Truth = None
        match match:
            case Ports(side, ranges):
                ports = {Side.SOURCE: [packet.sport], Side.DESTINATION: [packet.dport]}
                looked_at = ports.get(side, [packet.sport, packet.dport])
                truth = any(first <= port <= last for port in looked_at for first, last in ranges)
            case IcmpType(kind, first, last):
                truth = kind is None or (packet.dport >> 8 == kind and first <= packet.dport & 255 <= last)
            case HopLimit(_, first, last) if not self._hops_change:
                truth = first <= packet.hops <= last
            case SetMember(name, sides, options):
                if not {word for word in options if word != "!"} - {"--update-counters", "--update-subcounters"}:
                    truth = self._member(name, sides, packet)
            case AddressType(side, types, None):
                truth = self._address_type(_address(packet, side), types, packet.family)
            case ReversePath(loose, False, accept_local):
                truth = self._reverse_path(packet, loose, accept_local)
        return truth

    def _member(self, name: str, sides: Sequence[Side], packet: Packet) -> Truth:
        found = self.surroundings.sets.get(name)
        if found is None or name in self._changed:
            return None
        if found.kinds == ("set",):
            names = [part.name for entry in found.entries for part in entry.parts if isinstance(part, Inner)]
            return either(self._member(inner, sides, packet) for inner in names)
        if len(sides) < len(found.kinds) or found.family not in {None, packet.family}:
            return False
        if found.kinds == ("mac",):
            return None
        holding = [
            (entry, truth) for entry in found.entries if (truth := self._holds(entry, sides, packet)) is not False
        ]
        if len(found.kinds) > 1:
            truth = either(None if entry.expires else truth for entry, truth in holding)
            return None if truth and any(entry.nomatch for entry in found.entries) else truth
        # The narrowest entry decides; one that may have expired leaves it to the next.
        answer: Truth = False
        for entry, _ in sorted(holding, key=lambda pair: -_span(pair[0])):
            here = not entry.nomatch
            answer = here if not entry.expires or answer is here else None
        return answer

    def _holds(self, entry: Entry, sides: Sequence[Side], packet: Packet) -> Truth:
        truths: list[Truth] = []
        for part, side in zip(entry.parts, sides, strict=False):
            match part:
                case Addresses(first, last):
                    truths.append(first <= _address(packet, side) <= last)
                case PortNumbers(protocol, first, last):
                    truths.append(_port_held(packet, side, protocol, first, last))
                case InterfaceName(name, wildcard):
                    interface = packet.iif if side is Side.SOURCE else packet.oif
                    truths.append(_named(interface, f"{name}+" if wildcard else name))
                case _:
                    truths.append(None)
        return both(truths)

    def _address_type(self, address: int, types: Sequence[str], family: int) -> Truth:
        local, broadcast = self.surroundings.local, self.surroundings.broadcast
        if family == 6:
            if types == ("LOCAL",) and local is not None:
                return contains(local, address)
            return address >> 120 == 0xFF if types == ("MULTICAST",) else None
        if local is None or broadcast is None:
            return address >> 28 == 0xE if types == ("MULTICAST",) else None
        if address >> 28 == 0xE:
            kind = "MULTICAST"
        elif address == 0 or address == (1 << 32) - 1 or contains(broadcast, address):
            kind = "BROADCAST"
        else:
            kind = "LOCAL" if contains(local, address) else "UNICAST"
        return kind in types

    def _reverse_path(self, packet: Packet, loose: bool, accept_local: bool) -> Truth:
        around = self.surroundings
        if around.strict is None or around.loose is None or around.local is None:
            return None
        number = around.interfaces.number(packet.iif) if packet.iif else 0
        if contains(around.loopback, number) or _unroutable(packet):
            return True
        if contains(around.local, packet.src):
            return accept_local and number > 0
        return number > 0 and contains(around.loose if loose else around.strict.get(number, ()), packet.src)


def _unroutable(packet: Packet) -> bool:
    """Tell whether rpfilter lets a packet pass because its source is not yet an address."""
    if packet.family == 6:
        return packet.src == 0
    return packet.src == 0 and (packet.dst == (1 << 32) - 1 or packet.dst >> 8 == 0xE00000)


_PROTOCOLS: Mapping[str, set[int]] = {
    "tcp": {6},
    "udp": {17},
    "udplite": {136},
    "sctp": {132},
    "dccp": {33},
    "icmp": {1},
    "icmp6": {58},
    "multiport": set(WITH_PORTS),
}


def _address(packet: Packet, side: Side) -> int:
    return packet.src if side is Side.SOURCE else packet.dst


def _named(interface: str, pattern: str) -> bool:
    return interface.startswith(pattern[:-1]) if pattern.endswith("+") else interface == pattern


def _span(entry: Entry) -> int:
    return next((part.last - part.first for part in entry.parts if isinstance(part, Addresses)), 0)


def _port_held(packet: Packet, side: Side, protocol: int | None, first: int, last: int) -> bool:
    if protocol is None:
        if packet.protocol not in {TCP, UDP}:
            return False
    elif packet.protocol != protocol:
        return False
    if packet.protocol in WITH_PORTS:
        return first <= (packet.sport if side is Side.SOURCE else packet.dport) <= last
    if packet.protocol in {ICMP, ICMPV6}:
        return first <= packet.dport <= last
    return (first, last) == (0, 0)
