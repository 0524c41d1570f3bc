"""From end to end: what gets from each sender to each host, through every firewall on the real routes, and the policy.

Senders are the hosts themselves, from their own addresses, and on every segment somebody who sends anything at all: a
packet forged there may claim any source, so it may get only as far as the packets that the policy leads over that
segment.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from network.prove.claim import Difference, Gap, Kind, Obligation, Start, real
from network.prove.describe import boxes
from network.prove.engine.diagram import EMPTY, FULL, Node
from network.prove.engine.intervals import Intervals
from network.prove.fleet.walk import Delivery, Fleet
from network.prove.intent import Rewriting, Travel
from network.prove.policy import Policy, Segment
from network.prove.semantics.layout import Field, State
from network.prove.syntax.numbers import TCP
from network.prove.world import own

SSH = 22

Cell = tuple[str, str]
"""A pair of zones: where packets start, and where they arrive."""

_Allowed = dict[tuple[Rewriting, Intervals | None], Node]
"""What some segments allow of packets that become so: rewritten addresses, and the port."""


@dataclass
class Matrix:
    """The gaps of every pair of zones, and how many flows and senders were looked at in it."""

    gaps: dict[Cell, list[Gap]] = field(default_factory=dict)
    flows: dict[Cell, set[str]] = field(default_factory=dict)

    def add(self, cell: Cell, gap: Gap) -> None:
        """Note a gap, if it holds a packet."""
        found = self.gaps.setdefault(cell, [])
        if gap.packets != EMPTY and gap not in found:
            found.append(gap)


class EndToEnd:
    """The end-to-end claims in one family."""

    def __init__(self, fleet: Fleet, policy: Policy) -> None:
        self.fleet = fleet
        self.policy = policy
        self.diagrams = fleet.space.diagrams
        self.matrix = Matrix()
        self.differences: dict[Difference, None] = {}
        self._from_host = {name: tuple(fleet.from_host(name)) for name in fleet.machines}
        self._from_port = {
            port: tuple(fleet.from_segment(port)) for segment in fleet.segments for port in fleet.ports(segment)
        }

    def prove(self) -> Iterator[Obligation]:
        """Give the obligations zone-pair, internet, outward and operator-path."""
        self._compare()
        family = self.fleet.family
        untrusted = self.policy.model.fleet.untrusted.name
        zones = [
            *self.policy.model.fleet.zones,
            *(s for s in self.fleet.segments if s not in self.policy.model.fleet.zones),
        ]
        for start in zones:
            for end in zones:
                gaps = self.matrix.gaps.get((start, end), [])
                yield Obligation("zone-pair", family, f"{start} → {end}", tuple(gaps))
        pairs: Mapping[str, Iterable[Cell]] = {
            "internet": [(untrusted, end) for end in zones],
            "outward": [(start, untrusted) for start in zones if start != untrusted],
        }
        for name, cells in pairs.items():
            gaps = [gap for cell in cells for gap in self.matrix.gaps.get(cell, []) if gap.kind == "extra"]
            yield Obligation(name, family, untrusted, tuple(gaps))
        yield from self.operator_paths()

    def operator_paths(self) -> Iterator[Obligation]:
        """Give the obligation operator-path alone."""
        for name in self.fleet.machines:
            yield from self._operator_path(name)

    # Nothing extra, nothing missing.

    def _compare(self) -> None:
        for name, deliveries in self._from_host.items():
            start = Start(name)
            segments = self.policy.by_host[name]
            self._extra(start, deliveries, segments, {})
            self._missing(start, deliveries, segments)
        by_zone: dict[str, _Allowed] = {}
        for port, deliveries in self._from_port.items():
            start = Start(port.host, port.interface)
            zone = self.fleet.segment(port.host, port.interface)
            known = by_zone.setdefault(zone, {})
            self._extra(start, deliveries, self.policy.by_segment.get(zone, ()), known)
            self._missing(start, deliveries, self.policy.from_outside.get(port, ()))

    def _extra(
        self, start: Start, deliveries: Iterable[Delivery], segments: Iterable[Segment], known: _Allowed
    ) -> None:
        """Note what the segments do not allow; `known` is what has been found out about them."""
        for delivery in deliveries:
            change = delivery.change
            rewriting = change.dst, change.src
            if (rewriting, change.dport) not in known:
                known[rewriting, change.dport] = self.policy.allowed(segments, rewriting, change.dport)
            allowed = self.diagrams.intersect(known[rewriting, change.dport], self.policy.arriving(delivery))
            extra = self.diagrams.difference(delivery.packets.upper, allowed)
            cell = self._cell(start, delivery)
            self.matrix.add(cell, self._gap("extra", start, extra))
            self._note("extra", start, cell, delivery.host or delivery.segment, extra)

    def _cell(self, start: Start, delivery: Delivery) -> Cell:
        first = delivery.way[0]
        return self.fleet.segment(first.host, start.interface or first.oif), delivery.segment

    def _gap(self, kind: Kind, start: Start, packets: Node) -> Gap:
        return Gap(kind, self.fleet.family, State.NEW, start, packets)

    def _missing(self, start: Start, deliveries: tuple[Delivery, ...], segments: Iterable[Segment]) -> None:
        wanted: dict[tuple[Cell, Rewriting], list[Travel]] = {}
        for travel, _ in segments:
            cell = travel.journey.start, travel.journey.end
            wanted.setdefault((cell, travel.key(0)), []).append(travel)
            if not travel.optional:
                self.matrix.flows.setdefault(cell, set()).add(travel.flow.id)
        for (cell, rewriting), some in wanted.items():
            required = self.diagrams.unite([self._required(start, travel) for travel in some])
            short = self._short(required, rewriting, deliveries)
            self.matrix.add(cell, self._gap("missing", start, short))
            if short != EMPTY:
                self._note_missing(start, some, short)

    def _note_missing(self, start: Start, travels: Iterable[Travel], short: Node) -> None:
        """Note which of the travels' receivers lack packets."""
        for travel in travels:
            lost = self.diagrams.intersect(short, self._required(start, travel))
            cell = travel.journey.start, travel.journey.end
            if travel.receivers:
                for name in travel.receivers:
                    part = self.diagrams.intersect(lost, self._addressed(name, travel))
                    self._note("missing", start, cell, name, part, travel.flow.id)
            else:
                for end in travel.flow.destinations:
                    if end.kind != "host":
                        self._note("missing", start, cell, end.name, lost, travel.flow.id)

    def _note(self, kind: Kind, start: Start, cell: Cell, receiver: str, packets: Node, *flows: str) -> None:
        """Note who differs from the policy towards whom, if there is any packet."""
        if packets != EMPTY:
            family = self.fleet.family
            sender = self.fleet.segment(start.host, start.interface) if start.interface else start.host
            if kind == "missing":
                # What is asked for is the usual first packet; that says nothing about where it is missing.
                packets = self.diagrams.forget(self.diagrams.forget(packets, Field.HOPS), Field.FLAGS)
            words = next(boxes(self.diagrams, packets, family))
            self.differences[Difference(kind, family, cell, sender, receiver, words, flows)] = None

    def _required(self, start: Start, travel: Travel) -> Node:
        if start.interface:
            required = self.policy.required((travel, 0))
            if travel.journey.hops or required == EMPTY:
                return required
            return self.diagrams.intersect(required, self._addressed(start.host, travel))
        sources = self.policy.sources_of(start.host, travel)
        return EMPTY if sources is None else self.policy.required((travel, 0), sources, start.host)

    def _short(self, required: Node, rewriting: Rewriting, deliveries: Iterable[Delivery]) -> Node:
        """Give what of the required packets does not surely arrive where it should, rewritten as it should be."""
        for delivery in deliveries:
            if required == EMPTY:
                break
            change = delivery.change
            if (change.dst, change.src) == rewriting:
                right = self.diagrams.intersect(delivery.packets.lower, self.policy.arriving(delivery))
                required = self.diagrams.difference(required, right)
        return required

    # The operators' way.

    def _operator_path(self, name: str) -> Iterator[Obligation]:
        """Show that SSH gets to a host: from the management zone, or else from outside; nothing where no flow does."""
        fleet = self.policy.model.fleet
        ways: dict[str, list[Gap]] = {}
        for start, deliveries, travel in self._ssh.get(name, ()):
            required = self.diagrams.intersect(self._required(start, travel), self._addressed(name, travel))
            gap = self._gap("missing", start, self._short(required, travel.key(0), deliveries))
            if required != EMPTY:
                ways.setdefault(travel.journey.start, []).append(gap)
        gaps = ways.get(fleet.management.name) or ways.get(fleet.untrusted.name)
        if gaps is not None:
            yield Obligation("operator-path", self.fleet.family, name, real(gaps))

    @cached_property
    def _ssh(self) -> Mapping[str, list[tuple[Start, tuple[Delivery, ...], Travel]]]:
        """Each host's travels with SSH, and where they start."""
        found: dict[str, list[tuple[Start, tuple[Delivery, ...], Travel]]] = {}
        for start, deliveries, segments in self._starts():
            for travel, _ in segments:
                if _is_ssh(travel):
                    for name in travel.receivers:
                        found.setdefault(name, []).append((start, deliveries, travel))
        return found

    def _addressed(self, name: str, travel: Travel) -> Node:
        """Give the packets of a travel's first form that are for one of its receivers."""
        legs = own(self.policy.model.fleet.hosts[name], self.fleet.family)
        return FULL if travel.offered else self.diagrams.box({Field.DST: legs})

    def _starts(self) -> Iterator[tuple[Start, tuple[Delivery, ...], tuple[Segment, ...]]]:
        for name, deliveries in self._from_host.items():
            yield Start(name), deliveries, self.policy.by_host[name]
        for port, segments in self.policy.from_outside.items():
            yield Start(port.host, port.interface), self._from_port.get(port, ()), segments


def _is_ssh(travel: Travel) -> bool:
    form = travel.forms[0]
    return form.protocol == TCP and is_ssh(*form.ports)


def is_ssh(first: int, last: int) -> bool:
    """Tell whether a range of ports holds SSH's."""
    return first <= SSH <= last
