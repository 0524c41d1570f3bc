"""What is sent, from where, and what the proof says becomes of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from network.prove.claim import Start
from network.prove.engine.intervals import contains
from network.prove.fleet.hop import Hop, Outcome
from network.prove.fleet.trip import follow
from network.prove.fleet.walk import Fleet
from network.prove.policy import OPENING
from network.prove.semantics.layout import State
from network.prove.semantics.packet import Packet
from network.prove.story import Story
from network.prove.syntax.numbers import TCP

_OWN_HEADERS = frozenset({33, 47, 132, 136})
"""DCCP, GRE, SCTP, UDP-Lite: conntrack asks for a header of theirs, which is not made here."""
_ACK = 0b10000
_RST_FIN = 0b00101


@dataclass(frozen=True)
class Probe:
    """A packet to send: by a host itself, or onto the segment before an interface of one.

    `hops` is its way as the proof has it; `otherwise` the way it takes if open conditions fall out the other way, which
    is the same where there are none.
    """

    name: str
    start: Start
    packet: Packet
    hops: tuple[Hop, ...]
    otherwise: tuple[Hop, ...]

    @property
    def gets_through(self) -> bool:
        """Whether the proof says that it is not stopped."""
        return self.hops[-1].outcome is not Outcome.STOPPED

    @property
    def open(self) -> bool:
        """Whether a condition that is not modelled decides."""
        return self.hops[-1].host != self.otherwise[-1].host or self.hops[-1].outcome != self.otherwise[-1].outcome


def probe(fleet: Fleet, name: str, start: Start, packet: Packet, wanted: str = "ACCEPT") -> Probe:
    """Foretell a packet's way. Open conditions fall out as `wanted`."""
    packet = replace(packet, iif=start.interface, oif="")
    other = "DROP" if wanted == "ACCEPT" else "ACCEPT"
    ways = [tuple(follow(fleet, start.host, packet, each)) for each in (wanted, other)]
    return Probe(name, start, packet, *ways)


def of_story(fleet: Fleet, number: int, story: Story) -> Probe | str:
    """Give the packet of a counterexample, or say why it cannot be sent."""
    gap = story.gap
    reason = unsendable(story.packet)
    if not story.hops:
        reason = "it is about a setting or a missing flow, not about a packet"
    elif gap.hook is not None:
        reason = f"it speaks of {gap.hook[0]} alone, not of a way"
    elif gap.start.interface == "" and story.packet.state is not State.NEW:
        reason = reason or "the host's own stack sends no such packet"
    if reason:
        return reason
    name = f"counterexample {number}, {story.obligation.name}, {story.obligation.subject}"
    return probe(fleet, name, gap.start, story.packet, "ACCEPT" if gap.kind == "extra" else "DROP")


def unsendable(packet: Packet) -> str:
    """Say why a packet cannot be made so that conntrack says of it what it should; nothing where it can."""
    if packet.state not in {State.NEW, State.INVALID}:
        return f"a packet in state {packet.state.name} belongs to a connection, and there is none"
    if packet.protocol in _OWN_HEADERS:
        return f"packets of protocol {packet.protocol} are not made here"
    if packet.state is State.INVALID and packet.protocol not in {1, 6, 17, 58}:
        return f"protocol {packet.protocol} has no checksum that could be wrong"
    if packet.state is State.NEW and packet.protocol == TCP and not _begins(packet.flags):
        return "conntrack calls TCP with these flags INVALID"
    return ""


def _begins(flags: int) -> bool:
    return contains(OPENING, flags) or (flags & _ACK != 0 and flags & _RST_FIN == 0)


def hosts_on_the_way(probes: list[Probe]) -> Iterator[str]:
    """Name the hosts that must be watched."""
    found = dict.fromkeys(hop.host for each in probes for way in (each.hops, each.otherwise) for hop in way)
    yield from found
