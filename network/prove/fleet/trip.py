"""One packet on its way through the fleet, host by host, by the direct interpreter."""

from collections.abc import Iterator
from dataclasses import replace

from network.prove.fleet.hop import Hop, Outcome, Visit
from network.prove.fleet.walk import MOST_HOPS, Fleet
from network.prove.semantics.packet import Packet


def follow(fleet: Fleet, host: str, packet: Packet, wanted: str) -> Iterator[Hop]:
    """Walk a packet through the fleet from a host that sends it, or that it comes to by the interface it names.

    Where rules leave its fate open, the branch is taken that ends as `wanted` (ACCEPT or DROP).
    """
    name: str | None = host
    state = packet.state
    for _ in range(MOST_HOPS):
        if name is None:
            return
        visit = Visit(fleet.machines[name].host, wanted)
        hop = visit.arrive(packet) if packet.iif else visit.depart(packet)
        yield hop
        if hop.outcome is not Outcome.SENT_ON:
            return
        port = fleet.next_port(name, hop.left.oif, hop.gateway, hop.left.dst)
        if port is None:
            return
        name = port.host
        fresh = replace(hop.left, state=state, iif=port.interface, oif="")
        packet = replace(fresh, original_dst=None, original_dport=None)
