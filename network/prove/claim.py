"""What is proved: obligations by name, and the packets that break one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from network.prove.engine.diagram import EMPTY, Node
from network.prove.semantics.layout import State

Kind = Literal["extra", "missing"]

NAMES: Mapping[str, str] = {
    "zone-pair": "what gets from zone to zone, end to end, is what the policy allows: nothing extra, nothing missing",
    "internet": "from any address of the world outside, and forging any, only published flows get anywhere",
    "outward": "what leaves the fleet goes to declared destinations only, behind the firewall's own address",
    "operator-path": "operators reach every host",
    "egress": "a host itself sends only what a flow lets it send, and all of that",
    "forwarding": "a firewall sends on only what a flow leads through it, and all of that; other hosts send on nothing",
    "ingress": "a host itself takes in only what a flow sends it, and all of that",
    "firewall-services": "a firewall's own services are reached only by the flows that name it",
    "established": "packets of established connections pass, so that answers come back",
    "return-path": "answers go back the way the question came, past the same firewalls",
    "routes": "every host's routes lead to each zone by the firewall that joins them",
    "related": "of packets that only relate to a connection, ICMP errors pass and nothing else",
    "invalid": "packets that belong to no connection and open none are dropped",
    "untracked": "no packet passes unseen by conntrack, but for IPv6 neighbour discovery on the link",
    "spoofed": "a packet whose source cannot be behind the interface it came by is dropped, whatever its connection",
    "loopback": "a host talks to itself freely, and no loopback address comes in by a wire",
    "settings": "the kernel settings that the proof builds on are as they must be",
    "ipv6": "a host without IPv6 addresses in the inventory neither takes in nor sends any",
    "neighbour-discovery": "IPv6 hosts on one link find each other",
}
"""The obligations, in the order in which they are reported, and what each claims."""


@dataclass(frozen=True)
class Start:
    """Where packets come from: sent by a host itself, or put on the segment that its interface is on."""

    host: str
    interface: str = ""


@dataclass(frozen=True)
class Gap:
    """Packets on the wrong side of a claim, as they are at their start.

    `extra` get through and should not; `missing` should and do not, or it cannot be shown that they do. `hook` is the
    chain and the interfaces (in, out) that a claim about a single hook speaks of.
    """

    kind: Kind
    family: int
    state: State
    start: Start
    packets: Node
    note: str = ""
    hook: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Obligation:
    """One claim about one thing; it holds when there is no gap. `subject` is a zone pair, a host, or a leg of one."""

    name: str
    family: int
    subject: str
    gaps: tuple[Gap, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing is extra and nothing is missing."""
        return not self.gaps


@dataclass(frozen=True)
class Difference:
    """What gets from end to end and should not (`extra`), or should and does not (`missing`), for one pair of ends.

    `cell` is the pair of zones. `sender` and `receiver` are hosts, zones or externals; `packets` says which, and
    `flows` are the flows whose packets are missing.
    """

    kind: Kind
    family: int
    cell: tuple[str, str]
    sender: str
    receiver: str
    packets: str
    flows: tuple[str, ...] = ()


def real(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Leave out gaps that hold no packet."""
    return tuple(gap for gap in gaps if gap.packets != EMPTY)
