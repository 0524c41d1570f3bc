"""A counterexample as a story: one packet, its way hop by hop, the rules that decided, and the likely cause."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from network.prove.cause import Cause, Finder
from network.prove.claim import Gap, Obligation
from network.prove.describe import boxes
from network.prove.engine.diagram import FULL, Diagrams
from network.prove.engine.intervals import Intervals, contains
from network.prove.fleet.hop import Hop, Outcome
from network.prove.fleet.trip import follow
from network.prove.fleet.walk import Fleet
from network.prove.policy import SYN, USUAL_HOPS, Policy
from network.prove.semantics.layout import Field, one
from network.prove.semantics.packet import Packet, packet_of
from network.prove.semantics.trace import Decision, Interpreter
from network.prove.syntax.numbers import TCP, UDP
from network.prove.world import spans

MOST_PARTS = 3
END_TO_END = frozenset({"zone-pair", "internet", "outward"})


@dataclass(frozen=True)
class Story:
    """A gap, told by one packet of it. `parts` describe all its packets; there may be more than are listed.

    `sender` is the host that sends the packet, or the segment that somebody puts it on. `flows` are the flows that the
    policy has for such a packet. `confirmed`: the direct interpreter takes the packet the same way as the proof says.
    """

    obligation: Obligation
    gap: Gap
    packet: Packet
    sender: str
    hops: tuple[Hop, ...]
    flows: tuple[str, ...]
    cause: Cause
    parts: tuple[str, ...]
    confirmed: bool


class Teller:
    """Tells gaps of one family."""

    def __init__(self, fleet: Fleet, policy: Policy) -> None:
        self.fleet = fleet
        self.policy = policy
        self.diagrams: Diagrams = fleet.space.diagrams
        self.finder = Finder(fleet, policy)

    def tell(self, obligation: Obligation, gap: Gap) -> Story:
        """Tell a gap by the packet of it that a reader meets most often."""
        values = self.diagrams.witness(gap.packets, self._preferred())
        assert values is not None
        host = self.fleet.machines[gap.start.host].host
        drawn = packet_of((gap.state, *values[1:]), self.fleet.family, host.interfaces)
        packet = replace(drawn, iif=gap.start.interface, oif="")
        hops: tuple[Hop, ...] = ()
        if gap.packets != FULL or gap.hook:
            hops = tuple(self._at_hook(gap, packet) if gap.hook else self._way(gap, packet))
        sender = self.fleet.segment(host.name, gap.start.interface) if gap.start.interface else host.name
        flows = tuple(dict.fromkeys(self._flows(gap, packet)))
        described = boxes(self.diagrams, gap.packets, self.fleet.family)
        parts = tuple(part for part, _ in zip(described, range(MOST_PARTS + 1), strict=False))
        cause = self.finder.find(obligation, gap, hops, flows)
        confirmed = self._confirmed(obligation, gap, hops, flows)
        return Story(obligation, gap, packet, sender, hops, flows, cause, parts, confirmed)

    def _preferred(self) -> dict[int, Sequence[Intervals]]:
        """Give the values that make a packet look like one of the fleet's: known hosts, a first packet, a free port."""
        model, family = self.policy.model, self.fleet.family
        hosts = self.policy.machines
        externals = spans(model, [n for e in model.fleet.externals.values() for n in e.networks], family)
        zones = spans(model, [n for zone in model.fleet.zones.values() for n in zone.networks], family)
        addresses = [hosts, externals, zones]
        return {
            Field.PROTO: [one(TCP), one(UDP)],
            Field.DST: addresses,
            Field.SRC: [externals, hosts, zones],
            Field.SPORT: [((49152, 65535),), ((1024, 65535),)],
            Field.FLAGS: [one(SYN)],
            Field.HOPS: [one(USUAL_HOPS), one(255)],
        }

    def _way(self, gap: Gap, packet: Packet) -> Iterator[Hop]:
        """Walk a packet through the fleet; where rules leave it open, towards the gap: through, or stopped."""
        return follow(self.fleet, gap.start.host, packet, "ACCEPT" if gap.kind == "extra" else "DROP")

    def _at_hook(self, gap: Gap, packet: Packet) -> Iterator[Hop]:
        """Show what the tables of one hook do with a packet."""
        assert gap.hook is not None
        chain, iif, oif = gap.hook
        here = replace(packet, iif=iif, oif=oif)
        host = self.fleet.machines[gap.start.host].host
        interpreter = Interpreter(host.snapshot.rules[self.fleet.family], host.surroundings)
        decisions: list[Decision] = []
        places = [(table, chain) for table in ("mangle", "filter", "security")]
        for table, each in [*places, *([("mangle", "POSTROUTING")] if oif else [])]:
            decisions.append(interpreter.decide(table, each, here, "DROP"))
            if decisions[-1].fate.kind == "DROP":
                break
        stopped = decisions[-1].fate.kind == "DROP"
        yield Hop(host.name, Outcome.STOPPED if stopped else Outcome.SENT_ON, here, here, None, tuple(decisions))

    def _flows(self, gap: Gap, packet: Packet) -> Iterator[str]:
        """Name the flows that have such a packet on the segment where it starts."""
        if gap.start.interface:
            segments = self.policy.by_segment.get(self.fleet.segment(gap.start.host, gap.start.interface), ())
        else:
            segments = self.policy.by_host[gap.start.host]
        for travel, number in segments:
            form = travel.forms[number]
            if (
                form.protocol == packet.protocol
                and form.ports[0] <= packet.dport <= form.ports[1]
                and any(first <= packet.src <= last for first, last in form.sources)
                and any(first <= packet.dst <= last for first, last in form.destinations)
            ):
                yield travel.flow.id

    def _confirmed(self, obligation: Obligation, gap: Gap, hops: Sequence[Hop], flows: Sequence[str]) -> bool:
        """Tell whether the interpreter takes the packet where the sets say it goes."""
        if not hops:
            return True
        if gap.kind == "extra":
            judged = hops[-1] if obligation.name in END_TO_END else hops[0]
            return judged.outcome is not Outcome.STOPPED
        if gap.hook is not None:
            return hops[0].outcome is Outcome.STOPPED
        last = hops[-1]
        return last.outcome is not Outcome.DELIVERED or not self._right(last, flows)

    def _right(self, hop: Hop, flows: Sequence[str]) -> bool:
        """Tell whether a packet ends as each of its flows would have it; contradicting flows cannot all be served."""
        ends = {
            travel.flow.id
            for travel in self.policy.travels
            if hop.host in travel.receivers
            and contains(travel.forms[-1].destinations, hop.left.dst)
            and contains(travel.forms[-1].sources, hop.left.src)
        }
        return bool(flows) and ends.issuperset(flows)
