"""The policy's packets as sets, ready to be held against what really gets through."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from network.path import Hop
from network.prove.engine.diagram import EMPTY, Node
from network.prove.engine.intervals import Intervals, difference, intersect, overlaps, union
from network.prove.fleet.walk import Delivery, Fleet, Port
from network.prove.intent import Form, Rewriting, Travel, travels
from network.prove.semantics.layout import Field, one
from network.prove.syntax.numbers import TCP
from network.prove.world import may_exist, outside, own, spans

SYN = 2
OPENING: Intervals = union((flags, flags) for flags in range(64) if flags & 0b10111 == SYN)
"""The TCP flags of a packet that opens a connection: SYN without ACK, RST or FIN; PSH and URG do not matter."""
USUAL_HOPS = 64
"""The hop limit that hosts send with (RFC 1700); a flow is shown to work for this one."""

Segment = tuple[Travel, int]
"""A travel, and the number of one of its forms."""


class Policy:
    """What flows allow and demand, in one family."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.model = fleet.model
        self.family = fleet.family
        self.travels = tuple(travels(fleet.model, fleet.family))
        self._may_exist = may_exist(fleet.model, fleet.family)

    @cached_property
    def machines(self) -> Intervals:
        """The addresses that the inventory gives to the hosts that are proved."""
        hosts = (self.model.fleet.hosts[name] for name in self.fleet.machines)
        return union(interval for host in hosts for interval in own(host, self.family))

    @cached_property
    def _strangers(self) -> Intervals:
        """The addresses that somebody can have who is not proved."""
        return difference(self._may_exist, self.machines)

    @cached_property
    def _unguarded(self) -> Intervals:
        """The addresses that somebody can have who is no firewall."""
        return difference(self._may_exist, self._firewalls)

    # Who sends what.

    @cached_property
    def by_host(self) -> Mapping[str, tuple[Segment, ...]]:
        """The travels that each host may start: its own, and those of a zone or network that holds its address."""
        found: dict[str, list[Segment]] = {name: [] for name in self.fleet.machines}
        for travel in self.travels:
            for name in self._starting(travel):
                found[name].append((travel, 0))
        return {name: tuple(segments) for name, segments in found.items()}

    @cached_property
    def _firewalls(self) -> Intervals:
        """The addresses of the firewalls that are proved."""
        hosts = (self.model.fleet.hosts[name] for name in self.fleet.machines)
        return union(interval for host in hosts if host.firewall for interval in own(host, self.family))

    def _starting(self, travel: Travel) -> Iterable[str]:
        if travel.senders:
            return [name for name in travel.senders if name in self.fleet.machines]
        start, sources = travel.journey.start, travel.forms[0].sources
        return [name for name in self.fleet.machines if overlaps(self._legs(name, start), sources)]

    @cached_property
    def by_segment(self) -> Mapping[str, tuple[Segment, ...]]:
        """The travels that are met on each zone's segment."""
        found: dict[str, list[Segment]] = {}
        for travel in self.travels:
            for number, form in enumerate(travel.forms):
                found.setdefault(form.zone, []).append((travel, number))
        return {zone: tuple(segments) for zone, segments in found.items()}

    @cached_property
    def from_outside(self) -> Mapping[Port, tuple[Segment, ...]]:
        """The travels whose sender is no host that is proved, by the port of the first host that they come to."""
        found: dict[Port, list[Segment]] = {}
        for travel in self.travels:
            if any(name in self.fleet.machines for name in travel.senders):
                continue
            for first in travel.takers(0):
                port = self._port(first, travel.journey.start)
                if port is not None:
                    found.setdefault(port, []).append((travel, 0))
        return {port: tuple(segments) for port, segments in found.items()}

    @cached_property
    def taken_by(self) -> Mapping[str, tuple[Segment, ...]]:
        """The travels that each host takes from a segment, as a receiver or as a firewall on the way."""
        found: dict[str, list[Segment]] = {}
        for travel in self.travels:
            for number in range(len(travel.forms)):
                for name in travel.takers(number):
                    found.setdefault(name, []).append((travel, number))
        return {name: tuple(segments) for name, segments in found.items()}

    @cached_property
    def given_by(self) -> Mapping[str, tuple[Segment, ...]]:
        """The travels that each host puts on a segment, as a sender or as a firewall on the way."""
        found: dict[str, list[Segment]] = {}
        for travel in self.travels:
            for number in range(len(travel.forms)):
                for name in travel.givers(number):
                    found.setdefault(name, []).append((travel, number))
        return {name: tuple(segments) for name, segments in found.items()}

    @cached_property
    def through(self) -> Mapping[Hop, tuple[Segment, ...]]:
        """The travels that cross each firewall from one zone to another, in the form in which they arrive there."""
        found: dict[Hop, list[Segment]] = {}
        for travel in self.travels:
            for number, hop in enumerate(travel.journey.hops):
                found.setdefault(hop, []).append((travel, number))
        return {hop: tuple(segments) for hop, segments in found.items()}

    def ending_at(self, host: str) -> Iterator[Segment]:
        """Give the last form of the travels that may end at a host: as their receiver, or in a zone or network."""
        for travel, number in (*self.taken_by.get(host, ()), *self._open_ended):
            if number == len(travel.forms) - 1:
                yield travel, number

    @cached_property
    def _open_ended(self) -> tuple[Segment, ...]:
        return tuple((travel, len(travel.forms) - 1) for travel in self.travels if not travel.receivers)

    def _port(self, host: str, zone: str) -> Port | None:
        return next((port for port in self.fleet.ports(zone) if port.host == host), None)

    def _legs(self, host: str, zone: str | None) -> Intervals:
        return own(self.model.fleet.hosts[host], self.family, zone)

    # Sets.

    def box(self, form: Form, **restricted: Intervals) -> Node:
        """Give a form's packets, restricted further by field name."""
        box: dict[int, Intervals] = {
            Field.PROTO: one(form.protocol),
            Field.DST: form.destinations,
            Field.DPORT: (form.ports,),
            Field.SRC: form.sources,
        }
        if form.protocol == TCP:
            box[Field.FLAGS] = OPENING
        for name, values in restricted.items():
            where = Field[name]
            box[where] = intersect(box[where], values) if where in box else values
        return EMPTY if () in box.values() else self.fleet.space.diagrams.box(box)

    def allowed(self, segments: Iterable[Segment], rewriting: Rewriting, dport: Intervals | None) -> Node:
        """Give the packets that some travel allows, if they are rewritten so on the rest of its way.

        A translated port must be the port that the packet was sent to: policies translate addresses alone.
        """
        nodes = [self.box(t.forms[number]) for t, number in segments if t.key(number) == rewriting]
        found = self.fleet.space.diagrams.unite(nodes)
        if dport is None or found == EMPTY:
            return found
        if len(dport) != 1 or dport[0][0] != dport[0][1]:
            return EMPTY
        return self.fleet.space.diagrams.intersect(found, self.fleet.space.diagrams.box({Field.DPORT: dport}))

    def required(self, segment: Segment, sources: Intervals | None = None, sender: str | None = None) -> Node:
        """Give the packets that must get through for a flow to work: the first of a connection, from who can exist.

        They go to hosts; of a zone or network, to every address that can exist but firewalls'. None goes to its sender.
        """
        travel, number = segment
        if travel.optional:
            return EMPTY
        form = travel.forms[number]
        who = self._strangers if sources is None else sources
        restricted: dict[str, Intervals] = {"SRC": who, "HOPS": one(USUAL_HOPS)}
        if not travel.receivers:
            restricted["DST"] = self._unguarded
        if sender is not None:
            reached = restricted.get("DST", form.destinations)
            restricted["DST"] = difference(reached, self._legs(sender, None))
        if form.protocol == TCP:
            restricted["FLAGS"] = one(SYN)
        return self.box(form, **restricted)

    def sources_of(self, host: str, travel: Travel) -> Intervals | None:
        """Give the addresses with which a host starts a travel; None where it is a firewall in the middle of it."""
        if any(hop.host == host for hop in travel.journey.hops):
            return None
        return self._legs(host, travel.journey.start)

    def arriving(self, delivery: Delivery) -> Node:
        """Give the packets that are delivered to where they are addressed, once all hosts have changed them.

        Outside the fleet, that is the zone's own gateway, or the destination itself where it is on the segment.
        """
        if delivery.host is not None:
            values = self._legs(delivery.host, None)
        else:
            values = difference(self._beyond(delivery.segment, delivery.gateway), self.machines)
        meaning = self.fleet.algebra.before(self.fleet.algebra.box(Field.DST, values), delivery.change)
        return meaning.lower

    def _beyond(self, segment: str, gateway: int | None) -> Intervals:
        zone = self.model.fleet.zones.get(segment)
        if zone is None:
            return ()
        if gateway is None:
            return spans(self.model, zone.networks, self.family)
        return outside(self.model, self.family) if gateway in {int(each) for each in zone.gateways} else ()
