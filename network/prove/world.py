"""Addresses as the model knows them: the fleet's own, those of the world outside, and those that nobody can have."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_network

from network.model import Host, Model, Network
from network.path import NoPathError, zone_journey
from network.prove.engine.intervals import Interval, Intervals, complement, difference, intersect, union
from network.prove.fleet.host import LOOPBACK
from network.prove.semantics.meaning import MULTICAST
from network.prove.syntax.addresses import WIDTH

RESERVED_TEXTS: Mapping[int, tuple[str, ...]] = {
    4: (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
    ),
    6: (
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fec0::/10",
    ),
}


def _spans(texts: Iterable[str]) -> Intervals:
    return union((int(network[0]), int(network[-1])) for text in texts for network in (ip_network(text),))


RESERVED: Mapping[int, Intervals] = {family: _spans(texts) for family, texts in RESERVED_TEXTS.items()}
"""What is never met on the Internet (RFC 6890, and IANA's registries of special purposes): a source there is forged."""

UNALLOCATED: Mapping[int, Intervals] = {
    4: _spans(("127.0.0.0/8", "224.0.0.0/4")),
    6: _spans(("::/3", "4000::/2", "8000::/1")),
}
"""What else nobody has. Of IPv6, only 2000::/3 is given out."""


def spans(model: Model, given: Iterable[Network] | None, family: int) -> Intervals:
    """Give networks as ranges of addresses; None is the world outside."""
    if given is None:
        return outside(model, family)
    return union((int(network[0]), int(network[-1])) for network in given if network.version == family)


@lru_cache(maxsize=8)
def inside(model: Model, family: int) -> Intervals:
    """Give the addresses of every zone but the untrusted one."""
    zones = [zone for zone in model.fleet.zones.values() if not zone.untrusted]
    return spans(model, [network for zone in zones for network in zone.networks], family)


@lru_cache(maxsize=8)
def outside(model: Model, family: int) -> Intervals:
    """Give every address that lies in no zone but the untrusted one."""
    return complement(inside(model, family), 1 << WIDTH[family])


@lru_cache(maxsize=8)
def world(model: Model, family: int) -> Intervals:
    """Give the addresses that may be met: the fleet's own networks, the externals', and all that is not reserved."""
    fleet = model.fleet
    known = [network for zone in fleet.zones.values() for network in zone.networks]
    known += [network for external in fleet.externals.values() for network in external.networks]
    return union((*spans(model, known, family), *complement(RESERVED[family], 1 << WIDTH[family])))


@lru_cache(maxsize=8)
def may_exist(model: Model, family: int) -> Intervals:
    """Give the sources for which a flow must work: those that somebody can have.

    The first and the last address of a segment are no host's (RFC 919), nor are those that nobody has been given.
    """
    segments = [network for zone in model.fleet.zones.values() for network in zone.networks]
    bounds = (*_bounds(segments, family, 0), *_bounds(segments, family, -1))
    known = spans(model, segments, family)
    given = difference(world(model, family), difference(UNALLOCATED[family], known))
    return difference(given, union((*bounds, *MULTICAST[family], *LOOPBACK[family])))


def _bounds(segments: Iterable[Network], family: int, which: int) -> Intervals:
    bounded = [network for network in segments if network.version == family == 4 and network.prefixlen < 31]
    return union((int(network[which]), int(network[which])) for network in bounded)


def own(host: Host, family: int, zone: str | None = None) -> Intervals:
    """Give the addresses that the inventory gives a host, in one zone or in all."""
    legs = [leg for leg in host.legs if leg.address.version == family and zone in {None, leg.zone}]
    return union((int(leg.address), int(leg.address)) for leg in legs)


def legitimate(model: Model, host: Host, zone: str, family: int) -> Intervals:
    """Give the sources that a host may meet on its leg in a zone: those that its way leads to from there.

    The host's own addresses are never among them, nor are loopback, groups and its segments' broadcast addresses; nor,
    on a leg in the untrusted zone itself, addresses that nobody has.
    """
    found: list[Interval] = []
    for other in model.fleet.zones.values():
        try:
            start = zone_journey(model.fleet, host.zones, (other.name,)).start
        except NoPathError:
            continue
        if start == zone:
            found += outside(model, family) if other.untrusted else spans(model, other.networks, family)
    if zone == model.fleet.untrusted.name:
        found = list(intersect(union(found), world(model, family)))
    broadcast = _bounds((leg.network for leg in host.legs), family, -1)
    never = union((*own(host, family), *broadcast, *LOOPBACK[family], *MULTICAST[family]))
    return difference(union(found), never)
