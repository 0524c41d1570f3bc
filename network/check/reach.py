"""Which doors are knocked at, which of them ought to open, and who ought to keep the others shut. Pure.

What is allowed is read from the policy here once more, apart from the compiler: the two must not err together.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from network.model import Address, Endpoint, Flow, Host, Model
from network.path import NoPathError, networks, public_addresses, zone_journey

# Doors that no service has: a high one of each kind, and the resolver's.
UNDECLARED = (("tcp", 9999), ("udp", 9999), ("udp", 53))


@dataclass(frozen=True)
class Probe:
    """One knock: from a host at an address of another. `flow` allows it (None: nothing does).

    `denier` is the host whose firewall ought to stop the packet, once the source lets it out. `masked` is a flow under
    whose cover the source could pass if it were taken over: it translates that flow's packets to its own address, so
    what it sends itself looks the same to the target. Only the source's own egress can refuse those.
    """

    source: str
    target: str
    address: Address
    protocol: str
    port: int
    flow: Flow | None
    denier: str
    masked: Flow | None = None

    def __str__(self) -> str:
        return f"{self.source} → {self.target} {self.address} {self.protocol}/{self.port}"


@dataclass(frozen=True)
class Forgery:
    """A lie about the source: the attacker sends as if it were `forged`, a host of another zone that a flow allows in.

    `denier` is the first firewall on the way, which knows where the forged address belongs.
    """

    attacker: str
    forged: Address
    target: Address
    port: int
    denier: str


def doors(model: Model) -> tuple[tuple[str, int], ...]:
    """Return every door worth a knock: the first port of each service, and some that no service has."""
    declared = ((service.protocol, service.first) for service in model.services.values())
    return tuple(dict.fromkeys((*declared, *UNDECLARED)))


def probes(model: Model) -> tuple[Probe, ...]:
    """Return the matrix: every host, every address of every other host, every door."""
    return tuple(
        Probe(
            source.name,
            target.name,
            address,
            protocol,
            port,
            flow,
            denier,
            _masked(model, source, address, (protocol, port)),
        )
        for source in model.fleet.hosts.values()
        for target in model.fleet.hosts.values()
        if source is not target
        for address, denier in _addresses(model, source, target)
        for protocol, port in doors(model)
        for flow in (allowing(model, source, target, address, (protocol, port)),)
    )


def allowing(model: Model, source: Host, target: Host, address: Address, door: tuple[str, int]) -> Flow | None:
    """Return a flow that allows the source to open a connection to this address of the target, if there is one."""
    protocol, port = door
    for flow in model.flows:
        if any(service.protocol == protocol and service.first <= port <= service.last for service in flow.services):
            outside = _start(model, source, target) == model.fleet.untrusted.name
            if flow.publish is not None and outside:
                reached = address in public_addresses(model, flow.publish)
            else:
                reached = any(_is(model, end, target, source, address) for end in flow.destinations)
            if reached and any(_is(model, end, source, target, None) for end in flow.sources):
                return flow
    return None


def _masked(model: Model, source: Host, address: Address, door: tuple[str, int]) -> Flow | None:
    """Return a flow to this address whose packets the source, a firewall, sends on under its own address."""
    if not source.firewall or model.fleet.untrusted.name not in source.zones:
        return None
    for flow in model.flows:
        for target in model.fleet.hosts.values():
            if address not in target.addresses(model.fleet.untrusted.name):
                continue
            for end in flow.sources:
                sender = model.fleet.hosts.get(end.name) if end.kind == "host" else None
                if sender is None or sender is source:
                    continue
                hops = zone_journey(model.fleet, sender.zones, target.zones).hops
                if hops and hops[-1].host == source.name and allowing(model, sender, target, address, door) is flow:
                    return flow
    return None


def canaries(model: Model, all_probes: Iterable[Probe]) -> dict[str, tuple[Probe, ...]]:
    """Return, by source, the probes that ought to open: one of them must, or the source's silence proves nothing."""
    found: dict[str, tuple[Probe, ...]] = dict.fromkeys(model.fleet.hosts, ())
    for probe in all_probes:
        if probe.flow is not None:
            found[probe.source] = (*found[probe.source], probe)
    return found


def forgeries(model: Model, all_probes: Iterable[Probe]) -> tuple[Forgery, ...]:
    """Return one lie for each host that is no firewall, about a guarded flow where that is possible. IPv4 only."""
    hosts = model.fleet.hosts
    ways = [probe for probe in all_probes if probe.address.version == 4 and not hosts[probe.target].firewall]
    honest = [probe for probe in ways if probe.flow is not None and not hosts[probe.source].firewall]
    honest.sort(key=lambda probe: probe.flow is None or probe.flow.http is None)
    deniers = {(probe.source, probe.address): probe.denier for probe in ways}
    found: dict[str, Forgery] = {}
    for probe in honest:
        zones = {hosts[probe.source].zones, hosts[probe.target].zones}
        for name, host in hosts.items():
            if not host.firewall and host.zones not in zones and name not in found:
                forged = next(leg.address for leg in hosts[probe.source].legs if leg.address.version == 4)
                found[name] = Forgery(name, forged, probe.address, probe.port, deniers[name, probe.address])
    return tuple(found.values())


def _addresses(model: Model, source: Host, target: Host) -> list[tuple[Address, str]]:
    """Return the target's addresses which the source has a way to, and who is first on it to look at the packet."""
    versions = {leg.address.version for leg in source.legs}
    found = []
    for leg in target.legs:
        try:
            hops = zone_journey(model.fleet, source.zones, (leg.zone,)).hops
        except NoPathError:
            continue
        if leg.address.version in versions:
            found.append((leg.address, hops[0].host if hops else target.name))
    return found


def _start(model: Model, source: Host, target: Host) -> str:
    return zone_journey(model.fleet, source.zones, target.zones).start


def _is(model: Model, end: Endpoint, host: Host, peer: Host, address: Address | None) -> bool:
    """Whether an end of a flow is this host (by this address) when it talks to the peer."""
    mine = Endpoint("host", host.name)
    own = [
        network
        for version in (4, 6)
        for network in networks(model, mine, Endpoint("host", peer.name), version) or ()
        if address is None or network == ip_network(address)
    ]
    if end.kind == "host":
        return end == mine and bool(own)
    if end.kind == "zone" and model.fleet.zones[end.name].untrusted:
        return _start(model, host, peer) == end.name
    held = model.fleet.zones[end.name].networks if end.kind == "zone" else model.fleet.externals[end.name].networks
    return any(
        small.version == large.version and small.subnet_of(large)  # type: ignore[arg-type]
        for small in own
        for large in held
    )
