"""What the policy means at each hook of each host, said pair by pair, without regard to how it is compiled."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network

from network.model import Address, Endpoint, Flow, Host, Model, Network
from network.path import NoPathError, families, journey, networks, public_addresses, translated_source
from tests.unit.compile.walker import Packet

Place = tuple[Network, ...] | None
"""Networks, or None for the world outside all zones."""


@dataclass(frozen=True)
class Way:
    """What network.path says of one source and one destination in one IP version."""

    source: Place
    destination: Place
    hops: tuple[str, ...]
    outside: bool
    leaves_by: Address | None


@dataclass(frozen=True)
class Pair:
    """One source and one destination of a flow, in one IP version."""

    flow: Flow
    source: Place
    destination: Place
    hops: tuple[str, ...]
    offered_at: tuple[Address, ...]
    leaves_by: Address | None


class Meaning:
    """The pairs of a model's flows, asked about single packets."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._ways: dict[tuple[Endpoint, Endpoint, int], Way | None] = {}
        self._found: dict[tuple[int, str, int], list[Pair]] = {}

    @cached_property
    def inner(self) -> tuple[Network, ...]:
        zones = self.model.fleet.zones.values()
        return tuple(network for zone in zones if not zone.untrusted for network in zone.networks)

    @cached_property
    def pairs(self) -> dict[int, tuple[Pair, ...]]:
        return {version: tuple(self._pairs(version)) for version in (4, 6)}

    def concerning(self, host: Host, version: int) -> list[Pair]:
        """Return the pairs that a host takes part in or forwards."""
        own = [leg.address for leg in host.legs if leg.address.version == version]
        return [
            pair
            for pair in self.pairs[version]
            if host.name in pair.hops
            or any(self.inside(address, place) for address in own for place in (pair.source, pair.destination))
        ]

    @cached_property
    def _of_flow(self) -> dict[int, dict[str, list[Pair]]]:
        found: dict[int, dict[str, list[Pair]]] = {4: {}, 6: {}}
        for version, pairs in self.pairs.items():
            for pair in pairs:
                found[version].setdefault(pair.flow.id, []).append(pair)
        return found

    def _serving(self, packet: Packet) -> list[Pair]:
        key = packet.source.version, packet.protocol, packet.port
        if key not in self._found:
            serving = {
                flow.id
                for flow in self.model.flows
                for service in flow.services
                if service.protocol == packet.protocol and service.first <= packet.port <= service.last
            }
            self._found[key] = [pair for flow in serving for pair in self._of_flow[packet.source.version].get(flow, ())]
        return self._found[key]

    def _pairs(self, version: int) -> Iterator[Pair]:
        for flow in self.model.flows:
            for source in flow.sources:
                for destination in flow.destinations:
                    if source != destination or source.kind != "host":
                        yield from self._pair(flow, source, destination, version)

    def _pair(self, flow: Flow, source: Endpoint, destination: Endpoint, version: int) -> Iterator[Pair]:
        way = self._way(source, destination, version)
        if way is None:
            return
        offered: tuple[Address, ...] = ()
        if flow.publish is not None and way.hops and way.outside:
            offered = tuple(a for a in public_addresses(self.model, flow.publish) if a.version == version)
        yield Pair(flow, way.source, way.destination, way.hops, offered, way.leaves_by)

    def _way(self, source: Endpoint, destination: Endpoint, version: int) -> Way | None:
        key = source, destination, version
        if key not in self._ways:
            self._ways[key] = self._find_way(source, destination, version)
        return self._ways[key]

    def _find_way(self, source: Endpoint, destination: Endpoint, version: int) -> Way | None:
        try:
            if version not in families(self.model, source, destination):
                return None
        except NoPathError:
            return None
        way = journey(self.model, source, destination)
        return Way(
            networks(self.model, source, destination, version),
            networks(self.model, destination, source, version),
            tuple(hop.host for hop in way.hops),
            way.start == self.model.fleet.untrusted.name,
            translated_source(self.model, source, destination, version),
        )

    def receives(self, host: Host, packet: Packet) -> bool:
        """Whether a host accepts a packet that is for itself."""
        return any(
            self._own(host, packet.destination)
            and self.inside(packet.destination, pair.destination)
            and (
                packet.source == pair.leaves_by
                if pair.leaves_by is not None and pair.hops[-1] != host.name
                else self.inside(packet.source, pair.source)
            )
            for pair in self._serving(packet)
        )

    def sends(self, host: Host, packet: Packet) -> bool:
        """Whether a host may open this connection itself."""
        return any(
            self._own(host, packet.source)
            and self.inside(packet.source, pair.source)
            and (
                packet.destination in pair.offered_at
                if pair.offered_at
                else self.inside(packet.destination, pair.destination)
            )
            for pair in self._serving(packet)
        )

    def forwards(self, host: Host, packet: Packet, *, anywhere: bool = False) -> bool:
        """Whether a host passes a packet on; a published flow only if the packet was sent to the public address.

        `anywhere` asks whether a flow allows the packet, even if its way is not by this host.
        """
        return any(
            (anywhere or host.name in pair.hops)
            and self.inside(packet.source, pair.source)
            and self.inside(packet.destination, pair.destination)
            and (
                not pair.offered_at
                or host.name not in pair.hops[:1]
                or (packet.sent_to in pair.offered_at and packet.sent_to_port == packet.port)
            )
            for pair in self._serving(packet)
        )

    def offers(self, host: Host, packet: Packet) -> set[Address]:
        """Return the private addresses to which a host translates a packet for a public address."""
        return {
            network[0]
            for pair in self._serving(packet)
            if pair.hops[:1] == (host.name,)
            and packet.destination in pair.offered_at
            and self.inside(packet.source, pair.source)
            for network in pair.destination or ()
        }

    def inside(self, address: Address, place: Place) -> bool:
        """Whether an address belongs to a place."""
        if place is None:
            return not any(_holds(network, address) for network in self.inner)
        return any(_holds(network, address) for network in place)

    def _own(self, host: Host, address: Address) -> bool:
        return any(leg.address == address for leg in host.legs)


def _holds(network: IPv4Network | IPv6Network, address: Address) -> bool:
    return address.version == network.version and address in network
