"""Zones, hosts and their addresses: what the inventory says of the environment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from network.model.types import Address, Network


@dataclass(frozen=True)
class Zone:
    """A network segment whose hosts are trusted alike.

    `trust` is one of untrusted, public, private, management. The one untrusted zone stands for the whole world:
    as the source of a flow it means every address that lies in no other zone. `gateways` are its routers that are
    no hosts of ours, at most one per address family; only the untrusted zone has them.
    """

    name: str
    trust: str
    purpose: str
    networks: tuple[Network, ...]
    gateways: tuple[Address, ...] = ()

    @property
    def untrusted(self) -> bool:
        """Whether the zone is the world outside."""
        return self.trust == "untrusted"

    def gateway(self, version: int) -> Address | None:
        """Its router for an IP version (4 or 6), if it has one."""
        return next((address for address in self.gateways if address.version == version), None)


@dataclass(frozen=True)
class Leg:
    """A host's address in a zone; `network` is the one of the zone's networks that holds it."""

    zone: str
    address: Address
    network: Network


@dataclass(frozen=True)
class Host:
    """A machine of the inventory. `groups` holds every group it is in, nested ones too (never ``all``)."""

    name: str
    legs: tuple[Leg, ...]
    groups: frozenset[str]

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones it stands in, in the order of its legs, each once."""
        return tuple(dict.fromkeys(leg.zone for leg in self.legs))

    @property
    def firewall(self) -> bool:
        """Whether it joins zones, and so forwards between them."""
        return len(self.zones) > 1

    def addresses(self, zone: str) -> tuple[Address, ...]:
        """Its addresses in a zone."""
        return tuple(leg.address for leg in self.legs if leg.zone == zone)


@dataclass(frozen=True)
class External:
    """A peer outside the fleet: single addresses or networks, in the untrusted zone. `names` maps DNS names to them."""

    name: str
    purpose: str
    networks: tuple[Network, ...]
    names: Mapping[str, tuple[Address, ...]]


@dataclass(frozen=True)
class Fleet:
    """The environment: everything the inventory says that the network is derived from."""

    environment: str
    domain: str
    public_names: tuple[str, ...]
    zones: Mapping[str, Zone]
    hosts: Mapping[str, Host]
    groups: Mapping[str, tuple[str, ...]]
    externals: Mapping[str, External]

    @property
    def untrusted(self) -> Zone:
        """The one zone that is the world outside."""
        return next(zone for zone in self.zones.values() if zone.untrusted)

    @property
    def management(self) -> Zone:
        """The one zone from which hosts are administered."""
        return next(zone for zone in self.zones.values() if zone.trust == "management")

    @cached_property
    def links(self) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        """Each zone with what it is joined to: the firewall that joins them, and the zone beyond."""
        return tuple((zone, tuple(self._beyond(zone))) for zone in self.zones)

    def _beyond(self, zone: str) -> Iterator[tuple[str, str]]:
        for host in self.hosts_in(zone):
            yield from ((host.name, other) for other in host.zones if other != zone)

    def hosts_in(self, zone: str) -> tuple[Host, ...]:
        """Return the hosts with a leg in a zone, in the order of the inventory."""
        return self._by_zone.get(zone, ())

    @cached_property
    def _by_zone(self) -> Mapping[str, tuple[Host, ...]]:
        found: dict[str, list[Host]] = {}
        for host in self.hosts.values():
            for zone in host.zones:
                found.setdefault(zone, []).append(host)
        return {zone: tuple(hosts) for zone, hosts in found.items()}
