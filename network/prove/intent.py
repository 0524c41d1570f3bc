"""What the policy means as packets: what each flow looks like on every segment of its way.

Read from the model alone, and not from what the compiler made of it, so that the proof does not share its mistakes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from network.model import Endpoint, Fleet, Flow, Model
from network.path import Journey, NoPathError, zone_journey
from network.prove.engine.intervals import Interval, Intervals, intersect, union
from network.prove.syntax.numbers import parse_protocol
from network.prove.world import outside, own, spans


@dataclass(frozen=True)
class Form:
    """A flow's packets on one segment: in whose zone, from where to where, on which protocol and ports (inclusive)."""

    zone: str
    sources: Intervals
    destinations: Intervals
    protocol: int
    ports: Interval


Rewriting = tuple[Intervals | None, Intervals | None]
"""What a packet's destination and source have become where it arrives; None is unchanged."""


@dataclass(frozen=True)
class Travel:
    """One flow between those of its ends whose packets go one way, in one family: its form on each segment of the way.

    `senders` and `receivers` are hosts; none where the end is a zone or a network. `offered`: the first firewall sends
    it on from its own address (publish). `hidden`: the last one puts its own address in the place of the source.
    `optional`: it is allowed, but need not work: a firewall takes part with an address that a zone or network of the
    flow happens to cover.
    """

    flow: Flow
    senders: tuple[str, ...]
    receivers: tuple[str, ...]
    journey: Journey
    forms: tuple[Form, ...]
    offered: bool
    hidden: bool
    optional: bool

    def key(self, segment: int) -> Rewriting:
        """Give what is still to be rewritten from a segment of the way on."""
        last = self.forms[-1]
        dst = last.destinations if self.offered and segment == 0 else None
        src = last.sources if self.hidden and segment < len(self.forms) - 1 else None
        return dst, src

    def takers(self, segment: int) -> tuple[str, ...]:
        """Give the hosts that take the packets from a segment: the next firewall, or the receivers."""
        hops = self.journey.hops
        return (hops[segment].host,) if segment < len(hops) else self.receivers

    def givers(self, segment: int) -> tuple[str, ...]:
        """Give the hosts that put the packets on a segment: the senders, or the firewall before it."""
        return (self.journey.hops[segment - 1].host,) if segment else self.senders


@dataclass(frozen=True)
class _End:
    """Hosts that stand in the same zones; or a zone or network; or the addresses of a firewall that one covers."""

    hosts: tuple[str, ...]
    zones: tuple[str, ...]
    addresses: Intervals | None = None
    optional: bool = False


def travels(model: Model, family: int) -> Iterator[Travel]:
    """Give every flow, cut by the ways that its packets take. Ends that no way joins are left out, as when reading."""
    for flow in model.flows:
        sources = list(_ends(model, flow.sources, family))
        destinations = list(_ends(model, flow.destinations, family))
        for source, destination in product(sources, destinations):
            if not source.hosts or source.hosts != destination.hosts or len(source.hosts) > 1:
                yield from _travel(model, family, flow, source, destination)


def _ends(model: Model, endpoints: Iterable[Endpoint], family: int) -> Iterator[_End]:
    grouped: dict[tuple[str, ...], dict[str, None]] = {}
    for endpoint in dict.fromkeys(endpoints):
        if endpoint.kind == "host":
            grouped.setdefault(model.fleet.hosts[endpoint.name].zones, {})[endpoint.name] = None
            continue
        if endpoint.kind == "zone":
            zone = model.fleet.zones[endpoint.name]
            held = outside(model, family) if zone.untrusted else spans(model, zone.networks, family)
            place = zone.name
            if not any(network.version == family for network in zone.networks):
                continue
        else:
            held = spans(model, model.fleet.externals[endpoint.name].networks, family)
            place = model.fleet.untrusted.name
        if held:
            yield _End((), (place,), held)
            for host in model.fleet.hosts.values():
                covered = intersect(own(host, family), held)
                if host.firewall and covered:
                    yield _End((host.name,), host.zones, covered, optional=True)
    for zones, names in grouped.items():
        yield _End(tuple(names), zones)


def _travel(model: Model, family: int, flow: Flow, source: _End, destination: _End) -> Iterator[Travel]:
    try:
        way = zone_journey(model.fleet, source.zones, destination.zones)
    except NoPathError:
        return
    sources = _addresses(model.fleet, source, way.start, family)
    destinations = _addresses(model.fleet, destination, way.end, family)
    public, hidden = destinations, None
    untrusted = model.fleet.untrusted.name
    hosts = [model.fleet.hosts[hop.host] for hop in way.hops]
    sides = [own(model.fleet.hosts[hop.host], family, zone) for hop in way.hops for zone in (hop.enters, hop.leaves)]
    if not all(sides):
        return
    if not sources or not destinations:
        return
    offered = (
        flow.publish is not None
        and bool(hosts)
        and way.start == untrusted
        and hosts[0].name in model.fleet.groups.get(flow.publish, ())
    )
    if offered:
        public = own(hosts[0], family, untrusted)
    if hosts and way.end == untrusted:
        first = next(address for address in hosts[-1].addresses(untrusted) if address.version == family)
        hidden = ((int(first), int(first)),)
    zones = [way.start, *(hop.leaves for hop in way.hops)]
    for service in flow.services:
        forms = tuple(
            Form(
                zone,
                hidden if hidden is not None and number == len(hosts) else sources,
                destinations if number else public,
                parse_protocol(service.protocol),
                (service.first, service.last),
            )
            for number, zone in enumerate(zones)
        )
        optional = source.optional or destination.optional
        yield Travel(flow, source.hosts, destination.hosts, way, forms, offered, hidden is not None, optional)


def _addresses(fleet: Fleet, end: _End, zone: str, family: int) -> Intervals:
    if end.addresses is not None:
        return end.addresses
    return union(interval for name in end.hosts for interval in own(fleet.hosts[name], family, zone))
