"""The way a packet takes between two ends: along zones, through firewalls.

Zones are the nodes, firewalls (hosts with legs in more than one zone) join them; the way is the shortest one. The
untrusted zone is where a way starts or ends, never what it crosses. Everything here is pure and deterministic.

What compile, prove and draw ask:

``journey(model, source, destination)``
    Where a packet starts, which firewalls it crosses and where it arrives; ``path`` is its hops alone.
``families(model, source, destination)``
    The IP versions (4, 6) in which both ends and every firewall between them have addresses.
``networks(model, endpoint, peer, version)``
    The addresses with which an endpoint takes part when it talks to a peer, before any NAT.
``facing(model, host, zone)``
    The legs by which a host exchanges packets with a zone.
``management_address(model, host)``, ``public_addresses(model, group)``
    The address a host is administered at; a group's addresses in the untrusted zone.
``front_door(model)``
    The address and port by which visitors reach the published HTTPS.
``translated_source(model, source, destination, version)``
    The address that a packet carries when it has left the fleet.
``next_hops(model, host)``
    A host's routes to every zone it has no leg in, and its default route.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_network

from network.model import Address, Endpoint, Fleet, Host, Leg, Model, Network


class NoPathError(LookupError):
    """No firewall joins the zones of the two ends."""


@dataclass(frozen=True)
class Hop:
    """A firewall that a packet crosses: it enters from one zone and leaves into another."""

    host: str
    enters: str
    leaves: str


@dataclass(frozen=True)
class Journey:
    """The zone a packet starts in, the zone it arrives in, and the firewalls between (none inside one zone)."""

    start: str
    end: str
    hops: tuple[Hop, ...]


@dataclass(frozen=True)
class NextHop:
    """A route: packets to `destination` (``0.0.0.0/0`` or ``::/0`` is the default) go to the router `via`, on-link."""

    destination: Network
    via: Address


def zones_of(model: Model, endpoint: Endpoint) -> tuple[str, ...]:
    """Return the zones an endpoint stands in. An external stands in the untrusted one."""
    if endpoint.kind == "host":
        return model.fleet.hosts[endpoint.name].zones
    if endpoint.kind == "zone":
        return (endpoint.name,)
    return (model.fleet.untrusted.name,)


def journey(model: Model, source: Endpoint, destination: Endpoint) -> Journey:
    """Return the shortest way from source to destination.

    A firewall as source starts in the zone it leaves by; as destination it ends in the zone the packet reaches it
    from. Raises NoPathError when nothing joins them.
    """
    return zone_journey(model.fleet, zones_of(model, source), zones_of(model, destination))


def path(model: Model, source: Endpoint, destination: Endpoint) -> tuple[Hop, ...]:
    """Return the firewalls a packet crosses from source to destination, in order. Raises NoPathError."""
    return journey(model, source, destination).hops


def zone_journey(fleet: Fleet, sources: tuple[str, ...], destinations: tuple[str, ...]) -> Journey:
    """Return the shortest way from any of the source zones to any of the destination zones. Raises NoPathError.

    Of equally short ways it is the first in the order of the zones and hosts given; `ambiguities` finds those.
    """
    found = _journeys(fleet.links, fleet.untrusted.name, sources)
    for zone, way in found.items():
        if zone in destinations:
            return way
    raise NoPathError(f"no firewall joins {' or '.join(sources)} to {' or '.join(destinations)}")


def ambiguities(fleet: Fleet) -> tuple[tuple[Journey, Journey], ...]:
    """Return the ways that are not the only shortest one between their zones, in pairs.

    Which of the two a packet takes would be left to chance.
    """
    found: dict[frozenset[str], tuple[Journey, Journey]] = {}
    for zone in fleet.zones:
        ways = _journeys(fleet.links, fleet.untrusted.name, (zone,))
        for way in ways.values():
            if way.end == fleet.untrusted.name and way.hops:
                continue
            for firewall, beyond in dict(fleet.links).get(way.end, ()):
                other = Journey(zone, beyond, (*way.hops, Hop(firewall, way.end, beyond)))
                if len(other.hops) == len(ways[beyond].hops) and other != ways[beyond]:
                    found.setdefault(frozenset((zone, beyond)), (ways[beyond], other))
    return tuple(found.values())


def facing(model: Model, host: Host, zone: str) -> tuple[Leg, ...]:
    """Return the legs by which a host exchanges packets with a zone: those in the zone its journey there starts in.

    Raises NoPathError when the host cannot reach the zone.
    """
    start = zone_journey(model.fleet, host.zones, (zone,)).start
    return tuple(leg for leg in host.legs if leg.zone == start)


def management_address(model: Model, host: Host) -> Address:
    """Return the address a host is administered at: the first that faces the management zone. Raises NoPathError."""
    return facing(model, host, model.fleet.management.name)[0].address


def public_addresses(model: Model, group: str) -> tuple[Address, ...]:
    """Return the addresses of a group's hosts in the untrusted zone, where published flows are offered."""
    untrusted = model.fleet.untrusted.name
    return tuple(
        address
        for name in model.fleet.groups.get(group, ())
        for address in model.fleet.hosts[name].addresses(untrusted)
    )


def front_door(model: Model) -> tuple[Address, int]:
    """Return the address and port where visitors come in: the published HTTPS, at its firewall's public address."""
    flow = next(flow for flow in model.flows if flow.publish and any(item.name == "https" for item in flow.services))
    port = next(item.first for item in flow.services if item.name == "https")
    return public_addresses(model, str(flow.publish))[0], port


def networks(model: Model, endpoint: Endpoint, peer: Endpoint, version: int) -> tuple[Network, ...] | None:
    """Return the addresses with which an endpoint takes part when it talks to a peer, before any NAT.

    A host: its addresses on the leg that faces the peer. A zone: its networks. An external: its networks.
    None means the whole world outside the other zones (the untrusted zone). Raises NoPathError.
    """
    if endpoint.kind == "zone":
        zone = model.fleet.zones[endpoint.name]
        return None if zone.untrusted else _of_version(zone.networks, version)
    if endpoint.kind == "external":
        return _of_version(model.fleet.externals[endpoint.name].networks, version)
    host = model.fleet.hosts[endpoint.name]
    start = journey(model, endpoint, peer).start
    return _of_version((ip_network(address) for address in host.addresses(start)), version)


def families(model: Model, source: Endpoint, destination: Endpoint) -> tuple[int, ...]:
    """Return the IP versions in which a packet can travel.

    Both ends and each firewall on the way have addresses in them. Raises NoPathError when nothing joins the ends.
    An empty answer means that they share no version.
    """
    way = journey(model, source, destination)
    return tuple(
        version
        for version in (4, 6)
        if version in _versions(model, source, way.start)
        and version in _versions(model, destination, way.end)
        and all(
            _address(model.fleet.hosts[hop.host], zone, version) is not None
            for hop in way.hops
            for zone in (hop.enters, hop.leaves)
        )
    )


def translated_source(model: Model, source: Endpoint, destination: Endpoint, version: int) -> Address | None:
    """Return the address that the last firewall gives to a packet which leaves for the untrusted zone (SNAT).

    None when the packet keeps its own source: it does not leave, or it starts in the untrusted zone already.
    """
    way = journey(model, source, destination)
    if not way.hops or way.end != model.fleet.untrusted.name:
        return None
    return _address(model.fleet.hosts[way.hops[-1].host], way.end, version)


def next_hops(model: Model, host_name: str) -> tuple[NextHop, ...]:
    """Return a host's routes: the default route, and each zone's networks which it reaches by another router.

    The default leads to the untrusted zone: by the zone's own gateway for hosts in it, else by the first firewall of
    the way there. Hosts that stand only in the untrusted zone know no inner network, as the world outside does not.
    A version in which the host and its router have no addresses on one network gets no route.
    """
    fleet = model.fleet
    host = fleet.hosts[host_name]
    untrusted = fleet.untrusted
    routes: list[NextHop] = []
    for version, everywhere in ((4, ip_network("0.0.0.0/0")), (6, ip_network("::/0"))):
        default = _default_router(fleet, host, version)
        if default is not None:
            routes.append(NextHop(everywhere, default))
        if host.zones == (untrusted.name,):
            continue
        for zone in fleet.zones.values():
            if zone.untrusted or zone.name in host.zones:
                continue
            router = _router(fleet, host, zone.name, version)
            if router is not None and router != default:
                routes += [NextHop(network, router) for network in _of_version(zone.networks, version)]
    return tuple(routes)


@lru_cache(maxsize=4096)
def _journeys(
    links: tuple[tuple[str, tuple[tuple[str, str], ...]], ...], untrusted: str, sources: tuple[str, ...]
) -> Mapping[str, Journey]:
    """Return the shortest way from the source zones to every zone they reach, nearest first."""
    edges = dict(links)
    found = {zone: Journey(zone, zone, ()) for zone in sources}
    queue = deque(found)
    while queue:
        zone = queue.popleft()
        way = found[zone]
        if zone == untrusted and way.hops:
            continue
        for firewall, beyond in edges.get(zone, ()):
            if beyond not in found:
                found[beyond] = Journey(way.start, beyond, (*way.hops, Hop(firewall, zone, beyond)))
                queue.append(beyond)
    return found


def _of_version(given: Iterable[Network], version: int) -> tuple[Network, ...]:
    return tuple(network for network in given if network.version == version)


def _address(host: Host, zone: str, version: int) -> Address | None:
    return next((address for address in host.addresses(zone) if address.version == version), None)


def _versions(model: Model, endpoint: Endpoint, zone: str) -> set[int]:
    """Return the IP versions an endpoint has in the zone where its journey starts or ends."""
    if endpoint.kind == "host":
        return {address.version for address in model.fleet.hosts[endpoint.name].addresses(zone)}
    if endpoint.kind == "external":
        return {network.version for network in model.fleet.externals[endpoint.name].networks}
    return {network.version for network in model.fleet.zones[endpoint.name].networks}


def _default_router(fleet: Fleet, host: Host, version: int) -> Address | None:
    untrusted = fleet.untrusted
    if untrusted.name in host.zones:
        return untrusted.gateway(version) if _address(host, untrusted.name, version) is not None else None
    return _router(fleet, host, untrusted.name, version)


def _router(fleet: Fleet, host: Host, zone: str, version: int) -> Address | None:
    """Return the address of the first firewall on the way to a zone, on a network that the host has a leg in."""
    try:
        way = zone_journey(fleet, host.zones, (zone,))
    except NoPathError:
        return None
    if not way.hops:
        return None
    links = {leg.network for leg in host.legs if leg.zone == way.start and leg.address.version == version}
    legs = fleet.hosts[way.hops[0].host].legs
    return next((leg.address for leg in legs if leg.zone == way.start and leg.network in links), None)
