"""A host's routes: every network of the fleet, and a way out only where a flow needs one."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import Final, Literal, TypedDict, final

from network.compile.conversation import (
    Conversation,
    addresses,
    concerning,
    own,
    published,
    takes_part,
    translated,
)
from network.model import Address, Host, Model, Network
from network.path import NoPathError, zone_journey

RESERVED: Final[tuple[Network, ...]] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network, RFC 791
        "10.0.0.0/8",  # private, RFC 1918
        "100.64.0.0/10",  # shared by carriers, RFC 6598
        "169.254.0.0/16",  # link local, RFC 3927
        "172.16.0.0/12",  # private, RFC 1918
        "192.0.0.0/24",  # protocol assignments, RFC 6890
        "192.0.2.0/24",  # documentation, RFC 5737
        "192.88.99.0/24",  # former 6to4 relays, RFC 7526
        "192.168.0.0/16",  # private, RFC 1918
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "198.51.100.0/24",  # documentation, RFC 5737
        "203.0.113.0/24",  # documentation, RFC 5737
        "240.0.0.0/4",  # reserved, RFC 1112
        "64:ff9b:1::/48",  # local translation, RFC 8215
        "100::/64",  # discarded, RFC 6666
        "2001::/23",  # protocol assignments, RFC 2928
        "2001:db8::/32",  # documentation, RFC 3849
        "2002::/16",  # 6to4, RFC 7526
        "3fff::/20",  # documentation, RFC 9637
        "5f00::/16",  # segment routing identifiers, RFC 9602
        "fc00::/7",  # unique local, RFC 4193
        "fec0::/10",  # former site local, RFC 3879
    )
)
"""Ranges that are never met on the Internet (RFC 6890 and its registries): what is sent there has lost its way."""


DEFAULT: Final = "default"
"""The destination of a default route; its IP version is that of the router."""


@final
class Via(TypedDict):
    """A route to a network, or to ``default``, by a router on the link."""

    to: str
    via: str


@final
class Unreachable(TypedDict):
    """A network to which nothing is sent."""

    to: str
    unreachable: Literal[True]


Route = Via | Unreachable


def routes(model: Model, host_name: str) -> list[Route]:
    """Return the routes of a host beside those of its own legs, by address and without interfaces.

    A firewall to the outside sends everything to the gateway there, except reserved ranges that hold no external. Other
    hosts of the fleet have a route to each of its networks, and a default route if one of their flows, or one they
    forward, leads outside. A host outside reaches the peers of its own flows by the gateway, and no private address.
    """
    host = model.fleet.hosts[host_name]
    untrusted = model.fleet.untrusted.name
    found: list[Route] = []
    for version in (4, 6):
        if not own(host, version):
            continue
        gateway = model.fleet.untrusted.gateway(version)
        if host.zones == (untrusted,):
            found += _outsider(model, host, gateway, version)
            continue
        if untrusted in host.zones:
            found += _edge(model, host, gateway, version)
        elif _leads_outside(model, host):
            found += _via(DEFAULT, _router(model, host, untrusted, version))
        for zone in model.fleet.zones.values():
            if not zone.untrusted and zone.name not in host.zones:
                router = _router(model, host, zone.name, version)
                for network in zone.networks:
                    if network.version == version:
                        found += _via(str(network), router)
    return found


def _outsider(model: Model, host: Host, gateway: Address | None, version: int) -> Iterator[Route]:
    """Yield the routes of a host that stands outside only: to the peers of its flows that are not on its link."""
    peers: dict[str, None] = {}
    for talk in concerning(model, host):
        if takes_part(model, talk.sources, host):
            if published(model, talk):
                edge = model.fleet.hosts[talk.journey.hops[0].host]
                there = [ip_network(address) for address in own(edge, version, model.fleet.untrusted.name)]
            else:
                there = _peer_networks(model, talk, version, source=False)
            peers.update(dict.fromkeys(_to(there, host)))
        if takes_part(model, talk.destinations, host) and not translated(model, talk):
            peers.update(dict.fromkeys(_to(_peer_networks(model, talk, version, source=True), host)))
    for peer in peers:
        yield from _via(peer, gateway)


def _peer_networks(model: Model, talk: Conversation, version: int, *, source: bool) -> list[Network]:
    ends, zone = (talk.sources, talk.journey.start) if source else (talk.destinations, talk.journey.end)
    found = addresses(model, ends, zone, version)
    return [ip_network("0.0.0.0/0" if version == 4 else "::/0")] if found.outside else list(found.networks)


def _to(networks: Iterable[Network], host: Host) -> list[str]:
    """Return where the networks are that are not on the host's own links."""
    return [
        DEFAULT if network.prefixlen == 0 else str(network)
        for network in networks
        if not any(_within(network, leg.network) for leg in host.legs)
    ]


def _edge(model: Model, host: Host, gateway: Address | None, version: int) -> Iterator[Route]:
    """Yield the routes to the outside: the gateway, but for reserved ranges only as far as externals lie in them."""
    yield from _via(DEFAULT, gateway)
    externals = {
        network: None
        for external in model.fleet.externals.values()
        for network in external.networks
        if network.version == version and not any(_within(network, leg.network) for leg in host.legs)
    }
    reserved = [each for each in RESERVED if each.version == version]
    for network in externals:
        if any(_within(network, each) for each in reserved):
            yield from _via(str(network), gateway)
    taken = [*externals, *(network for zone in model.fleet.zones.values() for network in zone.networks)]
    for each in reserved:
        if not any(_within(each, network) for network in taken):
            yield {"to": str(each), "unreachable": True}


def _leads_outside(model: Model, host: Host) -> bool:
    """Tell whether a flow of the host's own, or one that it forwards, starts or ends in the untrusted zone."""
    untrusted = model.fleet.untrusted.name
    return any(
        untrusted in (talk.journey.start, talk.journey.end)
        and (
            takes_part(model, (*talk.sources, *talk.destinations), host)
            or any(hop.host == host.name for hop in talk.journey.hops)
        )
        for talk in concerning(model, host)
    )


def _router(model: Model, host: Host, zone: str, version: int) -> Address | None:
    """Return the address of the first firewall on the way to a zone, on a link of the host."""
    try:
        way = zone_journey(model.fleet, host.zones, (zone,))
    except NoPathError:
        return None
    links = [leg.network for leg in host.legs if leg.zone == way.start]
    firewall = model.fleet.hosts[way.hops[0].host]
    return next(
        (address for address in own(firewall, version, way.start) if any(address in link for link in links)), None
    )


def _via(to: str, router: Address | None) -> Iterator[Route]:
    if router is not None:
        yield {"to": to, "via": str(router)}


def _within(network: Network, other: Network) -> bool:
    return network.version == other.version and network[0] in other and network[-1] in other
