"""The hosts file: the only names that a host knows. Those it has flows with, and no others."""

from collections.abc import Iterator

from network.compile.conversation import Conversation, addresses, concerning, meant, published, takes_part, translated
from network.model import Address, Endpoint, External, Host, Model

LOOPBACK = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"


def hosts_file(model: Model, host_name: str) -> str:
    """Return /etc/hosts of a host: itself, its peers by name and by name with domain, and names of peers outside.

    Visitors in the untrusted zone know the public names, at the address where a flow to them is published, and no
    private address. Hosts out there know none of the fleet, of which they see only the last firewall.
    """
    host = model.fleet.hosts[host_name]
    found: dict[tuple[Address, str], None] = {}
    for leg in host.legs:
        if leg.zone == host.legs[0].zone:
            found[leg.address, _names(model, host_name)] = None
    talks = concerning(model, host)
    order = {name: number for number, name in enumerate(model.fleet.hosts)}
    peers = {peer for talk in talks for peer in _peers(model, talk, host)}
    for name, address in sorted(peers, key=lambda peer: (order[peer[0]], peer[1].version, int(peer[1]))):
        found[address, _names(model, name)] = None
    for talk in talks:
        for address, name in _outside_names(model, talk, host):
            found[address, name] = None
    return LOOPBACK + "".join(f"{address} {names}\n" for address, names in found)


def _peers(model: Model, talk: Conversation, host: Host) -> Iterator[tuple[str, Address]]:
    """Yield the hosts at the other end, with the address they have there."""
    if takes_part(model, talk.sources, host) and not published(model, talk):
        yield from _known(model, talk.destinations, talk.journey.end, host)
    if takes_part(model, talk.destinations, host) and not translated(model, talk):
        yield from _known(model, talk.sources, talk.journey.start, host)


def _known(model: Model, endpoints: tuple[Endpoint, ...], zone: str, host: Host) -> Iterator[tuple[str, Address]]:
    # The untrusted zone is everyone, and so no peer that could be named.
    named = [end for end in endpoints if end.kind != "zone" or not model.fleet.zones[end.name].untrusted]
    reached = {version: addresses(model, named, zone, version) for version in (4, 6)}
    for peer in meant(model, named, zone):
        if peer.name != host.name:
            found = peer.addresses(zone)
            yield from ((peer.name, address) for address in found if address in reached[address.version])


def _outside_names(model: Model, talk: Conversation, host: Host) -> Iterator[tuple[Address, str]]:
    """Yield the names of externals that the host reaches, and the public names if it is a visitor."""
    if not takes_part(model, talk.sources, host):
        return
    for endpoint in talk.destinations:
        if endpoint.kind == "external":
            yield from _named(model.fleet.externals[endpoint.name], model)
    # A firewall stands outside with one leg only, and is no visitor.
    if published(model, talk) and not host.firewall:
        names = " ".join(name for name in model.fleet.public_names if name != "localhost")
        edge = model.fleet.hosts[talk.journey.hops[0].host]
        if names:
            yield from ((address, names) for address in edge.addresses(model.fleet.untrusted.name))


def _named(external: External, model: Model) -> Iterator[tuple[Address, str]]:
    for name, found in external.names.items():
        if name not in model.fleet.hosts:
            yield from ((address, name) for address in found)


def _names(model: Model, host: str) -> str:
    return f"{host}.{model.fleet.domain} {host}"
