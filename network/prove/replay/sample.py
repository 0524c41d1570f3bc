"""Packets drawn at random from the proof's own sets: some that get through between two zones, and some that do not."""

from collections.abc import Iterator, Sequence
from random import Random

from network.prove.claim import Start
from network.prove.engine.diagram import EMPTY, Node
from network.prove.engine.intervals import Intervals, union
from network.prove.fleet.walk import Delivery, Fleet, Port
from network.prove.policy import SYN, USUAL_HOPS
from network.prove.replay.probe import Probe, probe
from network.prove.semantics.layout import Field, one
from network.prove.semantics.packet import packet_of
from network.prove.syntax.numbers import ICMP, ICMPV6, TCP, UDP
from network.prove.world import own

_TRIES = 20
_ECHO = {4: 8 * 256, 6: 128 * 256}
_HIGH: Intervals = ((20000, 60999),)


class Sampler:
    """Draws packets of one family."""

    def __init__(self, fleet: Fleet, chance: Random) -> None:
        self.fleet = fleet
        self.model = fleet.model
        self.diagrams = fleet.space.diagrams
        self.chance = chance
        self._deliveries: dict[Start, tuple[Delivery, ...]] = {}

    def probes(self, each: int) -> Iterator[Probe]:
        """Give so many packets of each pair of zones that the sets say get through, and so many that do not."""
        for start in self.model.fleet.zones:
            for end in self.model.fleet.zones:
                for passes in (True, False):
                    found: dict[object, Probe] = {}
                    for _ in range(_TRIES * each):
                        if len(found) < each and (drawn := self._draw(start, end, passes)) is not None:
                            found.setdefault((drawn.start, drawn.packet), drawn)
                    yield from found.values()

    def _starts(self, zone: str) -> Sequence[Start]:
        """Give where packets can begin in a zone: on its hosts, and on its segment before each interface there."""
        inside = [Start(name) for name in self.fleet.machines if zone in self.model.fleet.hosts[name].zones]
        return [*inside, *(Start(port.host, port.interface) for port in self.fleet.ports(zone))]

    def _draw(self, start: str, end: str, passes: bool) -> Probe | None:
        starts = self._starts(start)
        if not starts:
            return None
        place = self.chance.choice(starts)
        box = self._plausible(place, start, end)
        if not all(box.values()):
            return None
        chosen = self._that_pass(place, start, end) if passes else self._that_do_not(place)
        packets = self.diagrams.intersect(self.diagrams.box(box), chosen)
        if packets == EMPTY:
            return None
        values = self.diagrams.draw(packets, self.chance, {Field.DPORT: self._ports()})
        host = self.fleet.machines[place.host].host
        packet = packet_of(values, self.fleet.family, host.interfaces)
        told = "gets through" if passes else "is stopped"
        return probe(self.fleet, f"sample, {start} → {end}, {told}", place, packet)

    def _plausible(self, place: Start, start: str, end: str) -> dict[int, Intervals]:
        """Give the packets that are worth a try: opening a connection, to a real host, from a real or a forged one.

        A host sends from its own address. On a segment its hosts send, and one time in three somebody forges.
        """
        family = self.fleet.family
        hosts = self.model.fleet.hosts
        protocol = self.chance.choice((TCP, TCP, UDP, ICMP if family == 4 else ICMPV6))
        there = [host for host in hosts.values() if end in host.zones and (place.interface or host.name != place.host)]
        box: dict[int, Intervals] = dict.fromkeys((Field.STATE, Field.IIF, Field.OIF, Field.ODST, Field.ODPORT), one(0))
        box |= {
            Field.PROTO: one(protocol),
            Field.DST: union(interval for host in there for interval in own(host, family, end)),
            Field.HOPS: one(USUAL_HOPS),
            Field.SPORT: one(self.chance.randint(*_HIGH[0])),
            Field.FLAGS: one(SYN if protocol == TCP else 0),
        }
        if protocol not in {TCP, UDP}:
            box[Field.DPORT] = one(_ECHO[family])
        if not place.interface:
            box[Field.SRC] = own(hosts[place.host], family, start)
        else:
            forged = self.chance.random() < 1 / 3
            senders = [host for host in hosts.values() if host.name != place.host and (start in host.zones) != forged]
            box[Field.SRC] = union(interval for host in senders for interval in own(host, family))
        return box

    def _ports(self) -> Sequence[Intervals]:
        """Prefer a port of the policy, more often than not."""
        services = list(self.model.services.values())
        if not services or self.chance.random() < 1 / 4:
            return ()
        service = self.chance.choice(services)
        return (((service.first, service.last),),)

    # The proof's sets.

    def _from(self, place: Start) -> tuple[Delivery, ...]:
        if place not in self._deliveries:
            port = Port(place.host, place.interface)
            ways = self.fleet.from_segment(port) if place.interface else self.fleet.from_host(place.host)
            self._deliveries[place] = tuple(ways)
        return self._deliveries[place]

    def _that_pass(self, place: Start, start: str, end: str) -> Node:
        ways = [
            way.packets.lower
            for way in self._from(place)
            if way.segment == end and self.fleet.segment(place.host, place.interface or way.way[0].oif) == start
        ]
        return self.diagrams.unite(ways)

    def _that_do_not(self, place: Start) -> Node:
        return self.diagrams.complement(self.diagrams.unite([way.packets.upper for way in self._from(place)]))
