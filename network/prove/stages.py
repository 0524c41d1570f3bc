"""Each host by itself: what it sends, sends on and takes in is what flows lead through it, whatever other hosts do.

So every wall stands alone: a hole in a firewall is found even where the host behind it would still refuse the packet.
"""

from collections.abc import Iterable, Iterator, Mapping

from network.path import Hop
from network.prove.claim import Gap, Obligation, Start, real
from network.prove.engine.diagram import EMPTY, Node
from network.prove.engine.intervals import Intervals, difference
from network.prove.fleet.machine import UNCHANGED as NO_CHANGE
from network.prove.fleet.machine import Passage
from network.prove.fleet.walk import Fleet, Port
from network.prove.intent import Rewriting, Travel
from network.prove.policy import Policy
from network.prove.semantics.layout import Field, State
from network.prove.world import own

UNCHANGED: Rewriting = (None, None)


class Stages:
    """The claims about single hosts, for packets that open connections, in one family."""

    def __init__(self, fleet: Fleet, policy: Policy) -> None:
        self.fleet = fleet
        self.policy = policy
        self.diagrams = fleet.space.diagrams

    def prove(self) -> Iterator[Obligation]:
        """Give the obligations egress, forwarding, ingress and firewall-services."""
        for name, machine in self.fleet.machines.items():
            yield self._egress(name)
            for link in machine.host.links:
                port = Port(name, link.name)
                yield from self._forwarding(port)
                yield self._ingress(port)

    def _gaps(
        self, start: Start, have: Iterable[tuple[Passage, Node]], required: Mapping[Rewriting, Node]
    ) -> tuple[Gap, ...]:
        """Compare passages, each with what is allowed of it, and what must pass, by what becomes of it."""
        left = dict(required)
        gaps: list[Gap] = []
        for passage, allowed in have:
            extra = self.diagrams.difference(passage.packets.upper, allowed)
            gaps.append(Gap("extra", self.fleet.family, State.NEW, start, extra))
            rewriting = passage.change.dst, passage.change.src
            if rewriting in left:
                left[rewriting] = self.diagrams.difference(left[rewriting], passage.packets.lower)
        gaps += (Gap("missing", self.fleet.family, State.NEW, start, packets) for packets in left.values())
        return real(gaps)

    # Out.

    def _egress(self, name: str) -> Obligation:
        segments = self.policy.by_host[name]
        plain = self.diagrams.unite([self.policy.box(travel.forms[0]) for travel, _ in segments])
        have = [
            # A firewall may itself be what hides a sender that leaves the fleet, though the sender be the firewall.
            (each, plain if each.change == NO_CHANGE else self.policy.allowed(segments, *_rewritten(each)))
            for each in self.fleet.machines[name].departures()
        ]
        required = [
            self.policy.required((travel, 0), sources, name)
            for travel, _ in segments
            if (sources := self.policy.sources_of(name, travel)) is not None
        ]
        gaps = self._gaps(Start(name), have, {UNCHANGED: self.diagrams.unite(required)})
        return Obligation("egress", self.fleet.family, name, gaps)

    # Through.

    def _crossing(self, host: str, enters: str, leaves: str) -> Iterator[tuple[Travel, int, Rewriting]]:
        """Give the travels that cross a firewall so: the form they arrive in, and what it should rewrite."""
        for travel, number in self.policy.through.get(Hop(host, enters, leaves), ()):
            before, after = travel.forms[number], travel.forms[number + 1]
            dst = after.destinations if travel.offered and number == 0 else None
            src = after.sources if travel.hidden and before.sources != after.sources else None
            yield travel, number, (dst, src)

    def _forwarding(self, port: Port) -> Iterator[Obligation]:
        machine = self.fleet.machines[port.host]
        enters = self.fleet.segment(port.host, port.interface)
        onward: dict[str, list[Passage]] = {}
        for passage in machine.arrivals(port.interface):
            if passage.oif:
                onward.setdefault(self.fleet.segment(port.host, passage.oif), []).append(passage)
        for link in machine.host.links:
            onward.setdefault(self.fleet.segment(port.host, link.name), [])
        for leaves, passages in onward.items():
            crossing = list(self._crossing(port.host, enters, leaves))
            if not passages and not crossing:
                continue
            have = [(passage, self._allowed_through(passage, crossing)) for passage in passages]
            required: dict[Rewriting, list[Node]] = {}
            for travel, number, rewriting in crossing:
                needed = self.policy.required((travel, number), self._senders(travel))
                required.setdefault(rewriting, []).append(needed)
            united = {rewriting: self.diagrams.unite(nodes) for rewriting, nodes in required.items()}
            gaps = self._gaps(Start(port.host, port.interface), have, united)
            yield Obligation("forwarding", self.fleet.family, f"{port.host}: {enters} → {leaves}", gaps)

    def _allowed_through(self, passage: Passage, crossing: Iterable[tuple[Travel, int, Rewriting]]) -> Node:
        change = passage.change
        nodes: list[Node] = []
        for travel, number, rewriting in crossing:
            if rewriting == (change.dst, change.src):
                if change.dport is None:
                    nodes.append(self.policy.box(travel.forms[number]))
                elif len(change.dport) == 1 and change.dport[0][0] == change.dport[0][1]:
                    nodes.append(self.policy.box(travel.forms[number], DPORT=change.dport))
        return self.diagrams.unite(nodes)

    def _senders(self, travel: Travel) -> Intervals | None:
        """Give a travel's senders where they are a host's own addresses; None where they are the world's."""
        return travel.forms[0].sources if travel.senders else None

    # In.

    def _ingress(self, port: Port) -> Obligation:
        host = self.policy.model.fleet.hosts[port.host]
        zone = self.fleet.segment(port.host, port.interface)
        legs = own(host, self.fleet.family)
        forms = [
            (travel, travel.forms[number])
            for travel, number in self.policy.ending_at(port.host)
            if travel.forms[number].zone == zone
        ]
        allowed = self.diagrams.unite([self.policy.box(form, DST=legs) for _, form in forms])
        passages = [p for p in self.fleet.machines[port.host].arrivals(port.interface) if not p.oif]
        have = [
            (p, allowed if (p.change.dst, p.change.src, p.change.dport) == (None, None, None) else EMPTY)
            for p in passages
        ]
        required = [
            self._required_here(travel, port.host, legs)
            for travel, _ in forms
            if not any(hop.host == port.host for hop in travel.journey.hops)
        ]
        gaps = self._gaps(Start(port.host, port.interface), have, {UNCHANGED: self.diagrams.unite(required)})
        name = "firewall-services" if host.firewall else "ingress"
        return Obligation(name, self.fleet.family, f"{port.host} from {zone}", gaps)

    def _required_here(self, travel: Travel, host: str, legs: Intervals) -> Node:
        senders = None
        if travel.hidden or travel.senders:
            mine = own(self.policy.model.fleet.hosts[host], self.fleet.family)
            senders = difference(travel.forms[-1].sources, mine)
        needed = self.policy.required((travel, len(travel.forms) - 1), senders)
        return self.diagrams.intersect(needed, self.diagrams.box({Field.DST: legs}))


def _rewritten(passage: Passage) -> tuple[Rewriting, Intervals | None]:
    change = passage.change
    return (change.dst, change.src), change.dport
