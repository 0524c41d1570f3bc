"""The flows cut into parts that travel one way: same zones at both ends, same firewalls between."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from network.compile.addresses import Addresses
from network.model import Address, Endpoint, Flow, Host, Model, Network
from network.path import Journey, NoPathError, zone_journey, zones_of


@dataclass(frozen=True)
class Conversation:
    """The ends of a flow whose packets all take the same journey: any of the sources to any of the destinations."""

    flow: Flow
    journey: Journey
    sources: tuple[Endpoint, ...]
    destinations: tuple[Endpoint, ...]


@lru_cache(maxsize=4)
def conversations(model: Model) -> tuple[Conversation, ...]:
    """Return all flows, cut by journey. Ends that nothing joins are left out: reading has refused those that matter.

    The same ends and journeys are the same objects, in all of them.
    """
    journeys: dict[tuple[tuple[str, ...], tuple[str, ...]], Journey | None] = {}
    ends: dict[tuple[Endpoint, ...], dict[tuple[str, ...], tuple[Endpoint, ...]]] = {}
    found: list[Conversation] = []
    for flow in model.flows:
        for endpoints in (flow.sources, flow.destinations):
            if endpoints not in ends:
                ends[endpoints] = _by_zones(model, endpoints)
        for start, here in ends[flow.sources].items():
            for end, there in ends[flow.destinations].items():
                if (start, end) not in journeys:
                    journeys[start, end] = _journey(model, start, end)
                journey = journeys[start, end]
                if journey is not None:
                    found.append(Conversation(flow, journey, here, there))
    return tuple(found)


def concerning(model: Model, host: Host) -> list[Conversation]:
    """Return the conversations that a host may take part in or forward, in the order of the policy.

    Those between other hosts alone are left out: in a large fleet that is nearly all of them. A zone or an external as
    an end may hold the host or not.
    """
    talks = conversations(model)
    numbers = _numbers(model)
    return [talks[number] for number in sorted({*numbers.get(host.name, ()), *numbers.get(None, ())})]


def inner(model: Model, version: int) -> tuple[Addresses, ...]:
    """Return the networks of each zone but the untrusted one, in the order of the policy."""
    return tuple(
        Addresses.of(network for network in zone.networks if network.version == version)
        for zone in model.fleet.zones.values()
        if not zone.untrusted
    )


def outside(model: Model, version: int) -> Addresses:
    """Return every address that lies in no zone but the untrusted one."""
    return Addresses.beyond(network for zone in inner(model, version) for network in zone.networks)


def addresses(model: Model, endpoints: Iterable[Endpoint], zone: str, version: int) -> Addresses:
    """Return the addresses by which endpoints take part in a conversation that starts or ends for them in a zone."""
    found: list[Address | Network] = []
    for endpoint in endpoints:
        if endpoint.kind == "host":
            found += own(model.fleet.hosts[endpoint.name], version, zone)
        elif endpoint.kind == "zone" and model.fleet.zones[endpoint.name].untrusted:
            # It holds every external, and no other end of this conversation lies elsewhere.
            if any(network.version == version for network in model.fleet.zones[endpoint.name].networks):
                return outside(model, version)
        else:
            found += (network for network in _networks(model, endpoint) if network.version == version)
    return Addresses.of(found)


def meant(model: Model, endpoints: Iterable[Endpoint], zone: str) -> list[Host]:
    """Return the hosts in a zone that endpoints may mean, in the order of the inventory.

    Those are the ones they name, and all of them where one is a zone or an external.
    """
    names = {end.name if end.kind == "host" else None for end in endpoints}
    return [host for host in model.fleet.hosts_in(zone) if host.name in names or None in names]


def travels(model: Model, journey: Journey, version: int) -> bool:
    """Tell whether every firewall on the way has addresses of the IP version on both sides."""
    return all(
        own(model.fleet.hosts[hop.host], version, zone) for hop in journey.hops for zone in (hop.enters, hop.leaves)
    )


def published(model: Model, conversation: Conversation) -> bool:
    """Tell whether it is offered on a firewall's public address: it comes from outside, and says `publish`."""
    journey = conversation.journey
    return (
        conversation.flow.publish is not None
        and bool(journey.hops)
        and journey.start == model.fleet.untrusted.name
        and journey.hops[0].host in model.fleet.groups.get(conversation.flow.publish, ())
    )


def translated(model: Model, conversation: Conversation) -> bool:
    """Tell whether its packets leave the fleet, and so carry the last firewall's address from there on."""
    journey = conversation.journey
    return bool(journey.hops) and journey.end == model.fleet.untrusted.name


def takes_part(model: Model, endpoints: Iterable[Endpoint], host: Host) -> bool:
    """Tell whether a host is one of the endpoints, or has an address in one."""
    return any(_takes_part(model, endpoint, host) for endpoint in endpoints)


def own(host: Host, version: int, zone: str | None = None) -> tuple[Address, ...]:
    """Return a host's addresses of an IP version, in one zone or in all."""
    return tuple(
        leg.address for leg in host.legs if leg.address.version == version and (zone is None or leg.zone == zone)
    )


@lru_cache(maxsize=4)
def _numbers(model: Model) -> Mapping[str | None, list[int]]:
    """Return the numbers of the conversations with each host as an end or on the way; under None: an end is no host."""
    found: dict[str | None, list[int]] = {}
    for number, talk in enumerate(conversations(model)):
        ends = (end.name if end.kind == "host" else None for end in (*talk.sources, *talk.destinations))
        for name in dict.fromkeys((*ends, *(hop.host for hop in talk.journey.hops))):
            found.setdefault(name, []).append(number)
    return found


def _takes_part(model: Model, endpoint: Endpoint, host: Host) -> bool:
    if endpoint.kind == "host":
        return endpoint.name == host.name
    if endpoint.kind == "zone":
        return endpoint.name in host.zones
    networks = model.fleet.externals[endpoint.name].networks
    return any(leg.address in network for leg in host.legs for network in networks)


def _networks(model: Model, endpoint: Endpoint) -> tuple[Network, ...]:
    if endpoint.kind == "external":
        return model.fleet.externals[endpoint.name].networks
    return model.fleet.zones[endpoint.name].networks


def _journey(model: Model, start: tuple[str, ...], end: tuple[str, ...]) -> Journey | None:
    try:
        return zone_journey(model.fleet, start, end)
    except NoPathError:
        return None


def _by_zones(model: Model, endpoints: Iterable[Endpoint]) -> dict[tuple[str, ...], tuple[Endpoint, ...]]:
    found: dict[tuple[str, ...], tuple[Endpoint, ...]] = {}
    for endpoint in dict.fromkeys(endpoints):
        zones = zones_of(model, endpoint)
        found[zones] = (*found.get(zones, ()), endpoint)
    return found
