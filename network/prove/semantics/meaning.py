"""What a match means: the packets for which it surely holds, and those for which it may.

Where a match can be expressed, both are the same set. Where it cannot (a rate, a mark, a process), it holds for nothing
surely and for everything perhaps. Each obligation of the proof then uses the side that cannot prove it wrongly.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from network.prove.engine.diagram import EMPTY, FULL, Diagrams, Node
from network.prove.engine.intervals import Intervals, complement, difference, intersect, union
from network.prove.semantics.layout import Field, State, one
from network.prove.semantics.surroundings import Surroundings
from network.prove.syntax.addresses import WIDTH, length_of
from network.prove.syntax.numbers import ICMP, ICMPV6, TCP, UDP, WITH_PORTS
from network.prove.syntax.sets import Addresses, Entry, Inner, InterfaceName, IpSet, Part, PortNumbers
from network.prove.syntax.types import (
    Address,
    AddressRange,
    AddressType,
    Comment,
    ConnectionAddress,
    ConnectionPort,
    ConnectionState,
    Extension,
    Fragment,
    HopLimit,
    IcmpType,
    Interface,
    Match,
    Opaque,
    Ports,
    Prefix,
    Protocol,
    ReversePath,
    Rule,
    SetMember,
    Side,
    TcpFlags,
)

MOST_PIECES = 1 << 12
"""A mask with holes that cuts the addresses into more pieces than this is not expressed."""


@dataclass(frozen=True)
class View:
    """At which point of a packet's way through the host a rule looks at it.

    `address`, `port`: this host has already changed that part of the destination, so that the connection's original one
    is in a field of its own. `tracked`: conntrack has seen the packet (not yet so in table raw).
    """

    address: bool = False
    port: bool = False
    tracked: bool = True

    @property
    def translated(self) -> bool:
        """Whether any part of the destination has been changed."""
        return self.address or self.port


@dataclass(frozen=True)
class Meaning:
    """The packets for which something surely (`lower`) and perhaps (`upper`) holds, as sets."""

    lower: Node
    upper: Node

    @property
    def exact(self) -> bool:
        """Whether nothing is left open."""
        return self.lower == self.upper


NEVER = Meaning(EMPTY, EMPTY)
ALWAYS = Meaning(FULL, FULL)
UNDECIDED = Meaning(EMPTY, FULL)

Box = dict[int, Intervals]


@dataclass
class Condition:
    """What a rule demands: all of `box`, and all of `others`."""

    box: Box = field(default_factory=dict)
    others: list[Meaning] = field(default_factory=list)

    def restrict(self, where: int, values: Intervals) -> None:
        """Demand that a field is among some values."""
        self.box[where] = intersect(self.box[where], values) if where in self.box else values


_WITH_PORTS: Intervals = union((number, number) for number in WITH_PORTS)
_MODULE_PROTOCOLS: Mapping[str, Intervals] = {
    "tcp": one(TCP),
    "udp": one(UDP),
    "udplite": one(136),
    "sctp": one(132),
    "dccp": one(33),
    "icmp": one(ICMP),
    "icmp6": one(ICMPV6),
    "multiport": _WITH_PORTS,
}

MULTICAST: Mapping[int, Intervals] = {
    4: ((0xE0 << 24, (0xF0 << 24) - 1),),
    6: ((0xFF << 120, (1 << 128) - 1),),
}
NO_ADDRESS: Intervals = ((0, 0),)
"""0.0.0.0. The rest of 0.0.0.0/8 is ordinary to Linux since 5.3."""
LIMITED_BROADCAST = (1 << 32) - 1
LOCAL_MULTICAST: Intervals = ((0xE0 << 24, (0xE0 << 24) + 255),)
"""224.0.0.0/24."""
LINK_GROUPS: Intervals = ((0xFF02 << 112, (0xFF03 << 112) - 1),)
"""The well-known multicast groups of one link (RFC 4291, 2.7)."""
LINK_LOCAL: Intervals = ((0xFE80 << 112, (0xFEC0 << 112) - 1),)
"""fe80::/10."""
NARROW: Intervals = (
    (0, (1 << 32) - 1),
    (0xFEC0 << 112, (0xFF00 << 112) - 1),
    *(((0xFF05 | flags << 4) << 112, ((0xFF05 | flags << 4) + 1 << 112) - 1) for flags in range(16)),
)
"""::/96 and what is of a site (RFC 4291, 2.5.5.1, 2.5.7, 2.7): Linux redirects it to an address alike or nowhere."""

_HARMLESS_SET_OPTIONS = frozenset({"!", "--update-counters", "--update-subcounters"})


class Reader:
    """Reads matches for one host and family; `dynamic` are the sets that its rules themselves change."""

    def __init__(
        self,
        diagrams: Diagrams,
        family: int,
        surroundings: Surroundings,
        dynamic: frozenset[str] = frozenset(),
        hops_change: bool = False,
    ) -> None:
        self.diagrams = diagrams
        self.family = family
        self.surroundings = surroundings
        self.dynamic = dynamic
        self.hops_change = hops_change
        self._sets: dict[tuple[str, tuple[Side, ...]], Meaning] = {}
        self._paths: dict[tuple[bool, bool], Node] = {}

    # Rules.

    def rule(self, rule: Rule, view: View) -> Condition:
        """Give what a rule demands of a packet."""
        condition = Condition()
        for match in rule.header:
            self._match(match, condition)
        for extension in rule.extensions:
            if extension.module in {"conntrack", "state"}:
                condition.others.append(self._conntrack(extension, view))
                continue
            protocols = _MODULE_PROTOCOLS.get(extension.module)
            if protocols is not None:
                condition.restrict(Field.PROTO, protocols)
            for match in extension.matches:
                self._match(match, condition)
        return condition

    def _match(self, match: Match, condition: Condition) -> None:
        simple = self._field(match)
        if simple is not None:
            where, values = simple
            negated = not isinstance(match, Comment | Opaque) and match.negated
            condition.restrict(where, complement(values, self.diagrams.sizes[where]) if negated else values)
        elif not isinstance(match, Comment):
            meaning = self._set_of(match)
            negated = not isinstance(match, Opaque) and match.negated
            condition.others.append(self._negate(meaning) if negated else meaning)

    def _negate(self, meaning: Meaning) -> Meaning:
        lower = self.diagrams.complement(meaning.upper)
        return Meaning(lower, lower if meaning.exact else self.diagrams.complement(meaning.lower))

    def _field(self, match: Match) -> tuple[Field, Intervals] | None:
        """Give the one field that a match looks at and the values that satisfy it, before negation."""
        found: tuple[Field, Intervals] | None = None
        match match:
            case Address(side, prefix):
                values = pieces(prefix, self.family)
                found = (_address(side), values) if values is not None else None
            case AddressRange(side, first, last):
                found = _address(side), ((first, last),)
            case Interface(side, name):
                found = Field.IIF if side is Side.SOURCE else Field.OIF, self.surroundings.interfaces.matching(name)
            case Protocol(number):
                found = Field.PROTO, one(number)
            case Ports(Side.SOURCE, ranges):
                found = Field.SPORT, union(ranges)
            case Ports(Side.DESTINATION, ranges):
                found = Field.DPORT, union(ranges)
            case TcpFlags(mask, flags):
                found = Field.FLAGS, union((value, value) for value in range(64) if value & mask == flags)
            case IcmpType(None):
                found = Field.DPORT, ((0, 65535),)
            case IcmpType(int(kind), first, last):
                found = Field.DPORT, ((kind * 256 + first, kind * 256 + last),)
            case HopLimit(_, first, last) if not self.hops_change:
                found = Field.HOPS, union(((first, last),))
        return found

    def _set_of(self, match: Match) -> Meaning:
        """Give the meaning of a match on several fields, before negation."""
        meaning = UNDECIDED
        match match:
            case Ports(Side.EITHER, ranges):
                ports = union(ranges)
                meaning = self._exact(self._any_of(({Field.SPORT: ports}, {Field.DPORT: ports})))
            case SetMember(name, sides, options):
                known = _HARMLESS_SET_OPTIONS.issuperset(options)
                meaning = self._member(name, sides) if known else UNDECIDED
            case AddressType(side, types, None):
                values = self._address_types(types)
                if values is not None:
                    meaning = self._exact(self.diagrams.box({_address(side): values}))
            case ReversePath(loose, False, accept_local):
                node = self._reverse_path(loose, accept_local)
                if node is not None:
                    meaning = self._exact(node)
            case Fragment():
                meaning = NEVER if self.family == 4 else UNDECIDED
        return meaning

    @staticmethod
    def _exact(node: Node) -> Meaning:
        return Meaning(node, node)

    def _any_of(self, boxes: Iterable[Mapping[int, Intervals]]) -> Node:
        return self.diagrams.unite([self.diagrams.box(box) for box in boxes])

    # Conntrack.

    def _conntrack(self, extension: Extension, view: View) -> Meaning:
        """Read one `-m conntrack`, as xt_conntrack does.

        A packet without a connection (INVALID, UNTRACKED) is judged by its state alone, and is not matched at all by an
        extension that does not ask for the state.
        """
        states = [match for match in extension.matches if isinstance(match, ConnectionState)]
        lower, upper = FULL, FULL
        for state in states:
            meaning = self._state(state, view)
            lower, upper = self._both(Meaning(lower, upper), meaning)
        connected = self.diagrams.box({Field.STATE: ((State.NEW, State.RELATED),)})
        if not view.tracked:
            connected = EMPTY
        alone = self.diagrams.complement(connected) if states else EMPTY
        for match in extension.matches:
            if isinstance(match, ConnectionState | Comment):
                continue
            meaning = self._tuple(match, view)
            lowered = self.diagrams.union(self.diagrams.intersect(meaning.lower, connected), alone)
            raised = self.diagrams.union(self.diagrams.intersect(meaning.upper, connected), alone)
            lower, upper = self._both(Meaning(lower, upper), Meaning(lowered, raised))
        return Meaning(lower, upper)

    def _both(self, left: Meaning, right: Meaning) -> tuple[Node, Node]:
        return self.diagrams.intersect(left.lower, right.lower), self.diagrams.intersect(left.upper, right.upper)

    def _state(self, match: ConnectionState, view: View) -> Meaning:
        if not view.tracked:
            # Conntrack has not run: the packet has no connection yet, which the module calls INVALID, unless an earlier
            # rule has untracked it.
            sure = "INVALID" in match.states
            meaning = ALWAYS if sure and "UNTRACKED" in match.states else NEVER
            if sure != ("UNTRACKED" in match.states):
                meaning = UNDECIDED
            return self._negate(meaning) if match.negated else meaning
        named = union((State[name], State[name]) for name in match.states if name in State.__members__)
        open_states: Intervals = ()
        if "DNAT" in match.states:
            open_states = ((State.ESTABLISHED, State.RELATED),)
            if view.translated:
                named = union((*named, (State.NEW, State.NEW)))
        if "SNAT" in match.states:  # decided behind every filter, but a packet sent again finds it already set
            open_states = ((State.NEW, State.RELATED),)
        meaning = Meaning(
            self.diagrams.box({Field.STATE: named}), self.diagrams.box({Field.STATE: union((*named, *open_states))})
        )
        return self._negate(meaning) if match.negated else meaning

    def _tuple(self, match: Match, view: View) -> Meaning:
        """Read a condition on the connection's tuples.

        The packet that opens a connection has the original tuple itself, before any translation; and the reply tuple is
        its present one, turned round. Of later packets nothing is known here.
        """
        match match:
            case ConnectionAddress(original, side, prefix, negated):
                values = pieces(prefix, self.family)
                looked_at = side if original else _other(side)
                where = _address(looked_at)
                if original and side is Side.DESTINATION and view.address:
                    where = Field.ODST
            case ConnectionPort(original, side, first, last, negated):
                values = ((first, last),)
                looked_at = side if original else _other(side)
                where = Field.SPORT if looked_at is Side.SOURCE else Field.DPORT
                if original and side is Side.DESTINATION and view.port:
                    where = Field.ODPORT
            case _:
                return UNDECIDED
        if values is None:
            return UNDECIDED
        if negated:
            values = complement(values, self.diagrams.sizes[where])
        first_packet: Box = {Field.STATE: one(State.NEW), where: values}
        later = self.diagrams.box({Field.STATE: ((State.ESTABLISHED, State.RELATED),)})
        if isinstance(match, ConnectionPort):
            # Of protocols without ports, conntrack keeps other numbers in their place (a key, a type, an identifier).
            first_packet[Field.PROTO] = _WITH_PORTS
            later = self.diagrams.union(later, self.diagrams.box({Field.PROTO: complement(_WITH_PORTS, 256)}))
        lower = self.diagrams.box(first_packet)
        return Meaning(lower, self.diagrams.union(lower, later))

    # Sets.

    def _member(self, name: str, sides: tuple[Side, ...]) -> Meaning:
        found = self._sets.get((name, sides))
        if found is None:
            found = self._sets[name, sides] = self._read_set(name, sides)
        return found

    def _read_set(self, name: str, sides: tuple[Side, ...]) -> Meaning:
        one_set = self.surroundings.sets.get(name)
        if one_set is None or name in self.dynamic:
            return UNDECIDED
        if one_set.kinds == ("set",):
            meanings = [self._member(part.name, sides) for part in _inner(one_set)]
            lower = self.diagrams.unite([meaning.lower for meaning in meanings])
            return Meaning(lower, self.diagrams.unite([meaning.upper for meaning in meanings]))
        if len(sides) < len(one_set.kinds) or one_set.family not in {None, self.family}:
            return NEVER
        if len(one_set.kinds) == 1:
            return self._plain_set(one_set, sides[0])
        lower_nodes: list[Node] = []
        upper_nodes: list[Node] = []
        for entry in one_set.entries:
            box, whole = self._entry(entry, sides)
            node = self.diagrams.box(box)
            upper_nodes.append(node)
            if whole and not entry.expires:
                lower_nodes.append(node)
        excepting = any(entry.nomatch for entry in one_set.entries)
        return Meaning(EMPTY if excepting else self.diagrams.unite(lower_nodes), self.diagrams.unite(upper_nodes))

    def _plain_set(self, one_set: IpSet, side: Side) -> Meaning:
        """Read a set of addresses, networks or ports; the narrowest network that holds an address decides."""
        if one_set.kinds == ("mac",):
            return UNDECIDED
        if one_set.kinds == ("port",):
            ports = union((p.first, p.last) for e in one_set.entries for p in e.parts if isinstance(p, PortNumbers))
            where = Field.SPORT if side is Side.SOURCE else Field.DPORT
            return self._exact(self.diagrams.box({Field.PROTO: union((one(TCP)[0], one(UDP)[0])), where: ports}))
        parts = [(entry, part) for entry in one_set.entries for part in entry.parts if isinstance(part, Addresses)]
        lower, upper = _narrowest(parts)
        where = _address(side)
        return Meaning(self.diagrams.box({where: lower}), self.diagrams.box({where: upper}))

    def _entry(self, entry: Entry, sides: Sequence[Side]) -> tuple[Box, bool]:
        """Give the packets that an entry holds, and whether every part of it could be expressed."""
        condition = Condition()
        whole = True
        for part, side in zip(entry.parts, sides, strict=False):
            whole = self._entry_part(part, side, condition) and whole
        return condition.box, whole

    def _entry_part(self, part: Part, side: Side, condition: Condition) -> bool:
        match part:
            case Addresses(first, last):
                condition.restrict(_address(side), ((first, last),))
            case PortNumbers(protocol, first, last):
                protocols = union((one(TCP)[0], one(UDP)[0])) if protocol is None else one(protocol)
                condition.restrict(Field.PROTO, protocols)
                if protocol is None or protocol in WITH_PORTS:
                    condition.restrict(Field.SPORT if side is Side.SOURCE else Field.DPORT, ((first, last),))
                elif protocol in {ICMP, ICMPV6}:
                    condition.restrict(Field.DPORT, ((first, last),))
                elif (first, last) != (0, 0):
                    condition.restrict(Field.PROTO, ())
            case InterfaceName(name, wildcard):
                where = Field.IIF if side is Side.SOURCE else Field.OIF
                condition.restrict(where, self.surroundings.interfaces.matching(f"{name}+" if wildcard else name))
            case _:
                return False
        return True

    # The host.

    def _address_types(self, types: Sequence[str]) -> Intervals | None:
        local, broadcast = self.surroundings.local, self.surroundings.broadcast
        multicast = MULTICAST[self.family]
        everything: Intervals = ((0, (1 << WIDTH[self.family]) - 1),)
        if self.family == 6:
            # The kernel asks the routes for some of these, and joins several types in another way.
            return {"LOCAL": local, "MULTICAST": multicast}.get(types[0]) if len(types) == 1 else None
        if local is None or broadcast is None:
            return multicast if tuple(types) == ("MULTICAST",) else None
        broadcast = union((*broadcast, *NO_ADDRESS, (LIMITED_BROADCAST, LIMITED_BROADCAST)))
        local = difference(difference(local, broadcast), multicast)
        known = {
            "LOCAL": local,
            "BROADCAST": broadcast,
            "MULTICAST": multicast,
            "UNICAST": difference(everything, union((*local, *broadcast, *multicast))),
        }
        return union(interval for kind in types for interval in known.get(kind, ()))

    def _reverse_path(self, loose: bool, accept_local: bool) -> Node | None:
        """Give the packets whose source is found where they came from (net/ipv4 and net/ipv6 rpfilter)."""
        around = self.surroundings
        if around.strict is None or around.loose is None or around.local is None:
            return None
        found = self._paths.get((loose, accept_local))
        if found is not None:
            return found
        boxes: list[Box] = [{Field.IIF: around.loopback}] if around.loopback else []
        for number in range(1, len(around.interfaces.names) + 1):
            sources = around.loose if loose else around.strict.get(number, ())
            sources = union((*sources, *around.local)) if accept_local else difference(sources, around.local)
            boxes.append({Field.IIF: one(number), Field.SRC: sources})
        if self.family == 4:
            group = union((*LOCAL_MULTICAST, (LIMITED_BROADCAST, LIMITED_BROADCAST)))
            boxes.append({Field.SRC: NO_ADDRESS, Field.DST: group})
        else:
            boxes.append({Field.SRC: one(0)})
        found = self._paths[loose, accept_local] = self._any_of(boxes)
        return found


def _inner(one_set: IpSet) -> list[Inner]:
    return [part for entry in one_set.entries for part in entry.parts if isinstance(part, Inner)]


def _narrowest(parts: Sequence[tuple[Entry, Addresses]]) -> tuple[Intervals, Intervals]:
    """Give the addresses that are surely and perhaps in a set whose narrowest entry decides for each address."""
    if not any(entry.nomatch for entry, _ in parts):
        lasting = union((part.first, part.last) for entry, part in parts if not entry.expires)
        return lasting, union((part.first, part.last) for _, part in parts)
    lower: Intervals = ()
    upper: Intervals = ()
    for entry, part in sorted(parts, key=lambda pair: pair[1].first - pair[1].last):
        here = ((part.first, part.last),)
        if entry.nomatch:
            lower = difference(lower, here)
            upper = upper if entry.expires else difference(upper, here)
        else:
            lower = lower if entry.expires else union((*lower, *here))
            upper = union((*upper, *here))
    return lower, upper


def _address(side: Side) -> Field:
    return Field.SRC if side is Side.SOURCE else Field.DST


def _other(side: Side) -> Side:
    return Side.DESTINATION if side is Side.SOURCE else Side.SOURCE


def pieces(prefix: Prefix, family: int) -> Intervals | None:
    """Give the addresses under a prefix; None where its mask has holes that cut them into too many pieces."""
    width = WIDTH[family]
    host = prefix.mask ^ ((1 << width) - 1)
    if length_of(prefix.mask, family) is not None:
        return ((prefix.address, prefix.address | host),)
    low = (host ^ (host + 1)) >> 1  # the free bits at the end
    holes = [1 << bit for bit in range(width) if (host & ~low) >> bit & 1]
    if 1 << len(holes) > MOST_PIECES:
        return None
    starts = (prefix.address | sum(chosen) for size in range(len(holes) + 1) for chosen in combinations(holes, size))
    return union((start, start | low) for start in starts)
