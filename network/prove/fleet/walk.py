"""The whole fleet in one family: hosts on segments, and how far packets get from host to host.

A segment is known by its zone: interfaces with addresses of a zone's networks are on that zone's segment. An interface
whose addresses lie in no zone is on a segment of its own, named after it; anybody may stand there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from network.model import Model
from network.prove.engine.diagram import EMPTY, FULL
from network.prove.engine.intervals import Intervals, contains
from network.prove.fleet.host import Host
from network.prove.fleet.machine import UNCHANGED, Algebra, Change, Machine, Passage
from network.prove.fleet.snapshot import Snapshot
from network.prove.semantics.chains import Space
from network.prove.semantics.layout import Field
from network.prove.semantics.meaning import Meaning
from network.prove.world import spans

MOST_HOPS = 12
"""A packet that has crossed this many hosts goes in circles."""

EVERYTHING = Meaning(FULL, FULL)


@dataclass(frozen=True)
class Port:
    """Where a host meets a segment."""

    host: str
    interface: str


@dataclass(frozen=True)
class Step:
    """A host on the way: the interfaces it was crossed by."""

    host: str
    iif: str
    oif: str


@dataclass(frozen=True)
class Delivery:
    """Packets that got as far as anybody takes them: to a host, or past the fleet into a segment (`host` is None).

    `packets` are described as they were first sent; `change` is what all hosts on the way have overwritten. `gateway`
    is the router outside the fleet that they are handed to; None where they go straight to their destination.
    """

    way: tuple[Step, ...]
    host: str | None
    segment: str
    change: Change
    packets: Meaning
    gateway: int | None = None


class Fleet:
    """All hosts of a fleet in one family."""

    def __init__(
        self, model: Model, snapshots: Mapping[str, Snapshot], family: int, earlier: "Fleet | None" = None
    ) -> None:
        """Read the hosts. What an `earlier` fleet has read already (the same snapshot objects) is taken from it."""
        self.model = model
        self.family = family
        self.snapshots = snapshots
        self.space: Space = earlier.space if earlier else Space(family)
        self.algebra = Algebra(self.space)
        self._segments: dict[tuple[str, str], str] = {}
        self.machines: dict[str, Machine] = {}
        for name, snapshot in snapshots.items():
            if earlier and earlier.snapshots.get(name) is snapshot:
                self.machines[name] = earlier.machines[name]
            else:
                self.machines[name] = Machine(self.space, Host(snapshot, family))

    @cached_property
    def _zones(self) -> Mapping[str, Intervals]:
        zones = self.model.fleet.zones.values()
        return {zone.name: spans(self.model, zone.networks, self.family) for zone in zones}

    @cached_property
    def _ports(self) -> Mapping[str, tuple[Port, ...]]:
        found: dict[str, list[Port]] = {}
        for name, machine in self.machines.items():
            for link in machine.host.links:
                found.setdefault(self.segment(name, link.name), []).append(Port(name, link.name))
        return {segment: tuple(ports) for segment, ports in found.items()}

    @cached_property
    def _owners(self) -> Mapping[str, Mapping[int, Port]]:
        """Who answers for an address on each segment (ARP, neighbour discovery): the host that has it there."""
        return {
            segment: {
                address: port
                for port in ports
                for address in self.machines[port.host].host.addresses_on(port.interface)
            }
            for segment, ports in self._ports.items()
        }

    def segment(self, host: str, interface: str) -> str:
        """Name the segment that an interface is on."""
        if (host, interface) not in self._segments:
            self._segments[host, interface] = self._segment(host, interface)
        return self._segments[host, interface]

    def _segment(self, host: str, interface: str) -> str:
        link = next(link for link in self.machines[host].host.snapshot.interfaces if link.name == interface)
        for zone in self.model.fleet.zones.values():
            for address in link.addresses:
                for network in zone.networks:
                    if network.version == address.family and int(network[0]) <= address.address <= int(network[-1]):
                        return zone.name
        return f"{host} {interface}"

    @property
    def segments(self) -> tuple[str, ...]:
        """All segments that some interface is on."""
        return tuple(self._ports)

    def ports(self, segment: str) -> tuple[Port, ...]:
        """Give the interfaces on a segment."""
        return self._ports.get(segment, ())

    def own(self, host: str) -> Intervals:
        """Give the addresses that a host really has, without loopback."""
        return self.machines[host].host.own

    # Ways.

    def from_host(self, host: str) -> Iterator[Delivery]:
        """Give how far packets get that a host sends from one of its own addresses."""
        for passage in self.machines[host].departures():
            yield from self._onwards(passage, (), EVERYTHING, UNCHANGED)

    def from_segment(self, port: Port) -> Iterator[Delivery]:
        """Give how far any packet gets that somebody on a segment sends to one of the interfaces there."""
        yield from self._arrive(port, (), EVERYTHING, UNCHANGED)

    def _arrive(self, port: Port, way: tuple[Step, ...], packets: Meaning, change: Change) -> Iterator[Delivery]:
        if len(way) >= MOST_HOPS:
            return
        for passage in self.machines[port.host].arrivals(port.interface):
            yield from self._onwards(passage, way, packets, change)

    def _onwards(self, passage: Passage, way: tuple[Step, ...], packets: Meaning, change: Change) -> Iterator[Delivery]:
        found = self.algebra.both(packets, self.algebra.before(passage.packets, change))
        if found.upper == EMPTY:
            return
        now = change.then(passage.change)
        here = (*way, Step(passage.host, passage.iif, passage.oif))
        if not passage.oif:
            yield Delivery(here, passage.host, self.segment(passage.host, passage.iif), now, found)
            return
        segment = self.segment(passage.host, passage.oif)
        left = found
        for port, part in self._next(passage, segment, found, now):
            yield from self._arrive(port, here, part, now)
            left = Meaning(
                self.algebra.diagrams.difference(left.lower, part.upper),
                self.algebra.diagrams.difference(left.upper, part.lower),
            )
        if left.upper != EMPTY:
            yield Delivery(here, None, segment, now, left, passage.gateway)

    def _next(self, passage: Passage, segment: str, packets: Meaning, change: Change) -> Iterator[tuple[Port, Meaning]]:
        """Give the hosts of the fleet that packets come to when they leave into a segment."""
        owners = self._owners.get(segment, {})
        if passage.gateway is not None:
            port = owners.get(passage.gateway)
            if port is not None:
                yield port, packets
            return
        towards = change.dst if change.dst is not None else self.space.diagrams.project(packets.upper, Field.DST)
        for address, port in owners.items():
            if port.host != passage.host and contains(towards, address):
                there = self.algebra.before(self.algebra.box(Field.DST, ((address, address),)), change)
                part = self.algebra.both(packets, there)
                if part.upper != EMPTY:
                    yield port, part

    def next_port(self, host: str, interface: str, gateway: int | None, destination: int) -> Port | None:
        """Give where a single packet comes to when it leaves a host; None if nobody of the fleet answers there."""
        owners = self._owners.get(self.segment(host, interface), {})
        port = owners.get(destination if gateway is None else gateway)
        return port if port is not None and port.host != host else None
