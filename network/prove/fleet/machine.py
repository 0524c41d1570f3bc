"""What gets through one host: its kernel and its rules together, as sets of packets.

A passage is one way through: in by an interface (or begun here), out by another (or taken in here), with what the host
changed about the packet. Its packets are those that open a connection (state NEW here: each host's conntrack is its
own), described as they arrived.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from network.prove.engine.diagram import EMPTY, FULL, Node
from network.prove.engine.intervals import Intervals, complement, difference, union
from network.prove.fleet.host import Host
from network.prove.fleet.routes import Kind, Way
from network.prove.semantics.chains import (
    ACCEPT,
    ACCEPT_UNTRACKED,
    Semantics,
    Space,
    Translation,
    accepted,
)
from network.prove.semantics.layout import Field, State, one
from network.prove.semantics.meaning import NARROW, Meaning, View
from network.prove.syntax.numbers import ICMP, ICMPV6
from network.prove.syntax.types import DestinationNat

ANY_PORT: Intervals = ((0, 65535),)


@dataclass(frozen=True)
class Change:
    """What has been overwritten in a packet: for each field, the values it may have now. None is untouched.

    `routers` is how many have sent it on, each lowering the hop limit by one.
    """

    dst: Intervals | None = None
    dport: Intervals | None = None
    src: Intervals | None = None
    sport: Intervals | None = None
    routers: int = 0

    @property
    def fields(self) -> Iterator[tuple[Field, Intervals]]:
        """The overwritten fields and their values."""
        named = (
            (Field.DST, self.dst),
            (Field.DPORT, self.dport),
            (Field.SRC, self.src),
            (Field.SPORT, self.sport),
        )
        return ((where, values) for where, values in named if values is not None)

    def then(self, later: "Change") -> "Change":
        """Give the change that this one and a later one make together."""
        return Change(
            later.dst if later.dst is not None else self.dst,
            later.dport if later.dport is not None else self.dport,
            later.src if later.src is not None else self.src,
            later.sport if later.sport is not None else self.sport,
            self.routers + later.routers,
        )


UNCHANGED = Change()


@dataclass(frozen=True)
class Passage:
    """A way through a host. An empty `iif` means that packets begin here, an empty `oif` that they end here.

    No `gateway`: the packet goes to its destination on the link itself.
    """

    host: str
    iif: str
    oif: str
    gateway: int | None
    change: Change
    packets: Meaning


UNTOUCHED = View()


@dataclass(frozen=True)
class Spot:
    """Where in a host a packet is: its interfaces there, what conntrack says of it, and what has been translated."""

    state: State
    iif: str = ""
    oif: str = ""
    view: View = UNTOUCHED


class Algebra:
    """Sets of packets that are known from below and from above."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.diagrams = space.diagrams

    def both(self, *meanings: Meaning) -> Meaning:
        """Give the packets of all."""
        lower, upper = FULL, FULL
        for meaning in meanings:
            upper = self.diagrams.intersect(upper, meaning.upper)
            lower = upper if lower == upper and meaning.exact else self.diagrams.intersect(lower, meaning.lower)
        return Meaning(lower, upper)

    def either(self, meanings: Iterable[Meaning]) -> Meaning:
        """Give the packets of any."""
        lower, upper = EMPTY, EMPTY
        for meaning in meanings:
            lower = self.diagrams.union(lower, meaning.lower)
            upper = self.diagrams.union(upper, meaning.upper)
        return Meaning(lower, upper)

    def box(self, where: Field, lower: Intervals, upper: Intervals | None = None) -> Meaning:
        """Give the packets whose field surely is among some values, and perhaps among others."""
        below = self.diagrams.box({where: lower})
        return Meaning(below, below if upper is None else self.diagrams.box({where: upper}))

    def before(self, meaning: Meaning, change: Change) -> Meaning:
        """Give the packets that are in a set once they have been changed."""
        lower, upper = meaning.lower, meaning.upper
        for where, values in change.fields:
            if _single(values):
                lower = self.diagrams.assign(lower, {where: values[0][0]})
                upper = lower if meaning.exact else self.diagrams.assign(upper, {where: values[0][0]})
                meaning = Meaning(lower, upper)
            else:
                upper = self.diagrams.choose(upper, where, values, self.diagrams.union)
                lower = self.diagrams.choose(lower, where, values, self.diagrams.intersect)
                meaning = Meaning(lower, upper)
        if change.routers:
            lower = self.diagrams.lower(lower, Field.HOPS, change.routers)
            upper = lower if meaning.exact else self.diagrams.lower(upper, Field.HOPS, change.routers)
            meaning = Meaning(lower, upper)
        return meaning


class Machine:
    """One host in one family, as passages."""

    def __init__(self, space: Space, host: Host) -> None:
        self.space = space
        self.host = host
        self.algebra = Algebra(space)
        self.semantics = Semantics(space, host.snapshot.rules[host.family], host.surroundings)
        self._arrivals: dict[tuple[str, State], tuple[Passage, ...]] = {}
        self._passing: dict[tuple[str, str, View], Meaning] = {}
        self._departures: dict[State, tuple[Passage, ...]] = {}

    # Ways in.

    def arrivals(self, iif: str, state: State = State.NEW) -> tuple[Passage, ...]:
        """Give every way through the host for packets that come by an interface, whatever they look like."""
        key = (iif, state)
        if key not in self._arrivals:
            disabled = self.host.disabled(iif)
            self._arrivals[key] = () if disabled else tuple(_merged(self.algebra, self._arriving(iif, state)))
        return self._arrivals[key]

    def admitted(self, iif: str, state: State = State.NEW) -> Meaning:
        """Give the packets that tables raw and mangle and the kernel's check of the source let in by an interface."""
        worlds = self._tracking("PREROUTING", Spot(state, iif))
        return self.algebra.either(self._let_in(spot, base) for spot, base in worlds)

    def _let_in(self, spot: Spot, base: Meaning) -> Meaning:
        return self.algebra.both(base, self._valid(spot.iif), self._accepted("mangle", "PREROUTING", spot))

    def _valid(self, iif: str) -> Meaning:
        lower, upper = self.host.sources(iif)
        found = self.algebra.box(Field.SRC, lower, upper)
        if self.host.family == 6:
            return self.algebra.both(found, self.algebra.box(Field.DST, self.host.arriving()))
        # A host that has no address yet may speak to all (RFC 1122, 3.2.1.3).
        nobody = self.algebra.diagrams.box({Field.SRC: one(0), Field.DST: one((1 << 32) - 1)})
        return Meaning(found.lower, self.algebra.diagrams.union(found.upper, nobody))

    def _arriving(self, iif: str, state: State) -> Iterator[Passage]:
        for world, base in self._tracking("PREROUTING", Spot(state, iif)):
            for change, packets in self._translated("PREROUTING", world, self._let_in(world, base)):
                spot = replace(world, view=View(change.dst is not None, change.dport is not None))
                yield from self._inwards(spot, change, packets)
                for way, leading in self.host.sent_on(spot.iif).items():
                    yield from self._onwards(way, leading, spot, change, packets)

    def _inwards(self, spot: Spot, change: Change, packets: Meaning) -> Iterator[Passage]:
        lower, upper = self.host.taken_in(spot.iif)
        here = self.algebra.before(self.algebra.box(Field.DST, lower, upper), change)
        found = self.algebra.both(packets, here, self._pulled(self._filtered("INPUT", spot), change))
        for later, part in self._translated("INPUT", spot, found, change):
            yield Passage(self.host.name, spot.iif, "", None, later, part)

    def _onwards(self, way: Way, leading: Intervals, spot: Spot, change: Change, packets: Meaning) -> Iterator[Passage]:
        if self.host.disabled(way.interface):
            return
        there = self.algebra.before(self.algebra.box(Field.DST, leading), change)
        if there.upper == EMPTY:
            return
        spot = replace(spot, oif=way.interface)
        # A router lowers the hop limit before its rules see the packet, and drops what has none left. So 255 proves
        # that a packet comes from the link (RFC 4861, 3.1).
        change = replace(change, routers=1)
        alive = self.algebra.box(Field.HOPS, ((2, 255),))
        found = self.algebra.both(packets, there, alive, self._pulled(self._filtered("FORWARD", spot), change))
        diagrams = self.algebra.diagrams
        refused = [diagrams.box({Field.SRC: sources}) for sources in self.host.unforwardable_sources(spot.iif, way)]
        found = self.algebra.both(found, Meaning(*(diagrams.complement(each) for each in refused)))
        yield from self._leaving(way, spot, change, found)

    def _leaving(self, way: Way, spot: Spot, change: Change, packets: Meaning) -> Iterator[Passage]:
        if packets.upper == EMPTY:
            return
        spot = replace(spot, oif=way.interface)
        found = self.algebra.both(packets, self._pulled(self._accepted("mangle", "POSTROUTING", spot), change))
        for later, part in self._translated("POSTROUTING", spot, found, change):
            yield Passage(self.host.name, spot.iif, way.interface, way.gateway, later, part)

    # Ways out.

    def departures(self, state: State = State.NEW) -> tuple[Passage, ...]:
        """Give every way out for packets that the host itself sends, from whatever source a program there may write."""
        if state not in self._departures:
            self._departures[state] = tuple(_merged(self.algebra, self._departing(state)))
        return self._departures[state]

    def _departing(self, state: State) -> Iterator[Passage]:
        for first, where in self.host.ways.items():
            if first.kind is not Kind.OUT or self.host.disabled(first.interface):
                continue
            towards = self.algebra.box(Field.DST, where)
            for world, base in self._tracking("OUTPUT", Spot(state, "", first.interface)):
                sent = self.algebra.both(base, towards, self._accepted("mangle", "OUTPUT", world))
                for change, packets in self._translated("OUTPUT", world, sent):
                    yield from self._sent(first, world, change, packets)

    def _sent(self, first: Way, world: Spot, change: Change, packets: Meaning) -> Iterator[Passage]:
        """Follow what the host sends behind its own translation, which may turn it to another interface."""
        spot = replace(world, view=View(change.dst is not None, change.dport is not None))
        passed = self.algebra.both(*(self._accepted(table, "OUTPUT", spot) for table in ("filter", "security")))
        found = self.algebra.both(packets, self._pulled(passed, change))
        for way, leading in self.host.ways.items():
            if way.kind is Kind.OUT and (change.dst is not None or way == first):
                there = self.algebra.before(self.algebra.box(Field.DST, leading), change)
                yield from self._leaving(way, spot, change, self.algebra.both(found, there))

    # Rules.

    def behaviour(self, inside: Intervals) -> Mapping[tuple[str, str, State], object]:
        """Give all that the host does with packets, as values that are equal where it does the same.

        Only packets that there can be are looked at. Those of a connection go between its ends. Those that relate to
        one are for an end; they come from a router on the way, which is `inside` where both ends are.
        """
        # Nobody sends to the broadcast address of loopback, whatever the routes call it.
        local = difference(self.host.local, ((0x7FFFFFFF, 0x7FFFFFFF),))
        found: dict[tuple[str, str, State], object] = {("", "local", State.NEW): local}
        ends = self._ends()
        there_can_be = dict.fromkeys(State, Meaning(FULL, FULL))
        everywhere: Intervals = ((0, self.space.diagrams.sizes[Field.SRC] - 1),)
        routers = everywhere if difference(ends, inside) else inside
        for state, sources in ((State.ESTABLISHED, ends), (State.RELATED, routers)):
            node = self.space.diagrams.box({Field.DST: ends, Field.SRC: sources})
            there_can_be[state] = Meaning(node, node)
        for state in State:
            there_are = there_can_be[state]
            found["", "out", state] = frozenset(self._among(there_are, self.departures(state)))
            for link in self.host.links:
                found[link.name, "in", state] = frozenset(self._among(there_are, self.arrivals(link.name, state)))
            for link in self.host.snapshot.interfaces:
                if link.loopback and not self.host.disabled(link.name):
                    for spot in (Spot(state, link.name), Spot(state, "", link.name)):
                        chain = "INPUT" if spot.iif else "OUTPUT"
                        found[link.name, chain, state] = self._filtered(chain, spot)
        return found

    def _ends(self) -> Intervals:
        """Give the addresses between which connections can be opened here, before and behind translation."""
        opening = [*self.departures(), *(each for link in self.host.links for each in self.arrivals(link.name))]
        found: list[tuple[int, int]] = []
        for passage in opening:
            found += (*(passage.change.src or ()), *(passage.change.dst or ()))
            for end in (Field.SRC, Field.DST):
                found += self.space.diagrams.project(passage.packets.upper, end)
        return union(found)

    def _among(self, packets: Meaning, passages: Iterable[Passage]) -> Iterator[Passage]:
        """Give what of passages is among some packets."""
        for passage in passages:
            both = self.algebra.both(passage.packets, packets)
            if both.upper != EMPTY:
                yield replace(passage, packets=both)

    def hook(self, chain: str, state: State, iif: str = "", oif: str = "") -> Meaning:
        """Give the packets in a state that tables mangle, filter and security let pass at a hook."""
        return self._filtered(chain, Spot(state, iif, oif))

    def _known(self, spot: Spot) -> dict[int, int]:
        number = self.host.interfaces.number
        return {
            Field.STATE: int(spot.state),
            Field.IIF: number(spot.iif) if spot.iif else 0,
            Field.OIF: number(spot.oif) if spot.oif else 0,
        }

    def _fixed(self, table: str, chain: str, spot: Spot) -> Node:
        return self.space.diagrams.assign(self.semantics.hook(table, chain, spot.view), self._known(spot))

    def _accepted(self, table: str, chain: str, spot: Spot) -> Meaning:
        key = (table, chain, spot.view)
        if key not in self._passing:
            self._passing[key] = accepted(self.space, self.semantics.hook(table, chain, spot.view))
        anywhere = self._passing[key]
        known = self._known(spot)
        upper = self.space.diagrams.assign(anywhere.upper, known)
        return Meaning(upper if anywhere.exact else self.space.diagrams.assign(anywhere.lower, known), upper)

    def _filtered(self, chain: str, spot: Spot) -> Meaning:
        return self.algebra.both(*(self._accepted(table, chain, spot) for table in ("mangle", "filter", "security")))

    def _tracking(self, chain: str, spot: Spot) -> Iterator[tuple[Spot, Meaning]]:
        """Give the packets that table raw leaves to conntrack, and those that it hides from it."""
        raw = self._fixed("raw", chain, replace(spot, view=View(tracked=False)))
        for state, outcome in ((spot.state, ACCEPT), (State.UNTRACKED, ACCEPT_UNTRACKED)):
            found = Meaning(self.space.sure(raw, outcome), self.space.possible(raw, outcome))
            if state in self.conceivable:
                found = self.algebra.both(found, self.conceivable[state])
            if found.upper != EMPTY:
                yield replace(spot, state=state), found

    @cached_property
    def conceivable(self) -> Mapping[State, Meaning]:
        """The packets to which conntrack can give a state (net/netfilter/nf_conntrack_proto_icmp and icmpv6).

        Of ICMP, only requests open a connection; neighbour and listener discovery of IPv6 are never tracked.
        """
        icmp, opening = (ICMP, (8, 13, 15, 17)) if self.host.family == 4 else (ICMPV6, (128, 139))
        unseen = () if self.host.family == 4 else (*range(130, 137), 143)
        others = {
            State.NEW: complement(_kinds(opening), 65536),
            State.ESTABLISHED: _kinds(unseen),
            State.RELATED: _kinds(unseen),
        }
        found: dict[State, Meaning] = {}
        for state, codes in others.items():
            never = self.space.diagrams.box({Field.PROTO: one(icmp), Field.DPORT: codes})
            node = self.space.diagrams.complement(never)
            found[state] = Meaning(node, node)
        return found

    def _pulled(self, meaning: Meaning, change: Change) -> Meaning:
        """Read a set of packets at a hook as the packets that arrived: undo the host's own translation."""
        found = self.algebra.before(meaning, change)
        originals = ((Field.ODST, Field.DST, change.dst), (Field.ODPORT, Field.DPORT, change.dport))
        names: Mapping[int, int] = {before: now for before, now, values in originals if values is not None}
        if not names:
            return found
        rename = self.space.diagrams.rename
        return Meaning(rename(found.lower, names), rename(found.upper, names))

    # Translation.

    def _translated(
        self, chain: str, spot: Spot, packets: Meaning, earlier: Change = UNCHANGED
    ) -> Iterator[tuple[Change, Meaning]]:
        """Cut packets by what table nat does with them. Only the packet that opens a connection is asked about."""
        if packets.upper == EMPTY:
            return
        if spot.state is not State.NEW:
            yield earlier, packets
            return
        node = self._fixed("nat", chain, spot)
        for bit in _bits(self.space.diagrams.leaves(node)):
            met = Meaning(self.space.sure(node, bit), self.space.possible(node, bit))
            part = self.algebra.both(packets, self._pulled(met, earlier))
            if part.upper == EMPTY:
                continue
            if bit == ACCEPT:
                yield earlier, part
            elif bit > ACCEPT_UNTRACKED:
                translation = self.space.translation(bit)
                change = self._change(translation, spot)
                if change is None:
                    continue
                if translation.target == "REDIRECT" and self.host.family == 6:
                    # Where the host has no address alike they are lost.
                    narrow = self.algebra.diagrams.box({Field.DST: NARROW})
                    surely = self.algebra.diagrams.intersect(part.lower, self.algebra.diagrams.complement(narrow))
                    part = Meaning(surely, part.upper)
                if chain in {"PREROUTING", "OUTPUT"}:
                    yield from self._really(change, part)
                else:
                    yield earlier.then(change), part

    def _really(self, change: Change, packets: Meaning) -> Iterator[tuple[Change, Meaning]]:
        """Leave out packets that already look as the translation would make them: conntrack calls them untranslated."""
        wanted: dict[int, Intervals] = {where: values for where, values in change.fields if _single(values)}
        if len(wanted) < len(list(change.fields)):
            yield change, packets
            return
        same = self.algebra.diagrams.box(wanted)
        other = self.algebra.diagrams.complement(same)
        for now, which in ((UNCHANGED, same), (change, other)):
            part = self.algebra.both(packets, Meaning(which, which))
            if part.upper != EMPTY:
                yield now, part

    def _change(self, translation: Translation, spot: Spot) -> Change | None:
        """Give what a translation overwrites; None where it has no address to give, and the packet is lost."""
        to = translation.to
        ports: Intervals | None = None
        if to.first_port is not None and to.last_port is not None:
            ports = ((to.first_port, to.last_port),)
        addresses: Intervals | None = None
        if to.first_address is not None and to.last_address is not None:
            addresses = ((to.first_address, to.last_address),)
        if translation.target == "REDIRECT":
            loopback = 0x7F000001 if self.host.family == 4 else 1
            own = self.host.addresses_on(spot.iif) if spot.iif else (loopback,)
            if self.host.family == 4:
                own = own[:1]  # of IPv6 addresses it is one of the destination's scope
            addresses = union((address, address) for address in own)
        elif translation.target == "MASQUERADE":
            # The kernel picks the address that suits the next hop; with several, each is possible.
            addresses = union((address, address) for address in self.host.addresses_on(spot.oif))
        if addresses == ():
            return None
        if isinstance(translation, DestinationNat):
            return Change(dst=addresses, dport=ports)
        # The source port is kept where it is free, and changed where it is not.
        return Change(src=addresses, sport=ports or ANY_PORT)


def _kinds(types: Iterable[int]) -> Intervals:
    """Give ICMP types as ports hold them: with every code."""
    return union((kind * 256, kind * 256 + 255) for kind in types)


def _single(values: Intervals) -> bool:
    return len(values) == 1 and values[0][0] == values[0][1]


def _bits(masks: Iterable[int]) -> list[int]:
    together = 0
    for mask in masks:
        together |= mask
    return [1 << place for place in range(together.bit_length()) if together >> place & 1]


def _merged(algebra: Algebra, passages: Iterable[Passage]) -> Iterator[Passage]:
    """Join the passages that only differ in their packets (tracked and untracked ones)."""
    found: dict[tuple[str, str, int | None, Change], list[Passage]] = {}
    for passage in passages:
        found.setdefault((passage.iif, passage.oif, passage.gateway, passage.change), []).append(passage)
    for same in found.values():
        yield same[0] if len(same) == 1 else replace(same[0], packets=algebra.either(p.packets for p in same))
