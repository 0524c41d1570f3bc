"""What a host lets through, as values: which packets, for which flow."""

from dataclasses import dataclass

from network.compile.addresses import Addresses
from network.model import Address


@dataclass(frozen=True)
class Ports:
    """Destination ports of one protocol (tcp, udp): sorted, disjoint, inclusive ranges."""

    protocol: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Rule:
    """New connections that a host lets through for a flow, as the host sees their packets.

    `zone` is where the packets come from. `sent_to` is the public address which a packet must have been sent to before
    this host translated its destination (conntrack's original destination); such a rule has one range of ports.
    `source_name` and `destination_name` are what a set of the addresses would be called; `partial` says that the source
    is only those of them that are in the zone.
    """

    flow: str
    zone: str
    source: Addresses
    destination: Addresses
    ports: Ports
    source_name: str
    destination_name: str
    partial: bool = False
    sent_to: Address | None = None


@dataclass(frozen=True)
class Access:
    """All that a host lets through in one IP version.

    `incoming` to itself, `outgoing` from itself, `crossing` it from zone to zone (firewalls only). `offered` are the
    rules of `crossing` whose packets arrive for a public address of this host. `leaves_by` is the address which packets
    that leave the fleet here go on with; None when there are none.
    """

    incoming: tuple[Rule, ...]
    outgoing: tuple[Rule, ...]
    crossing: tuple[Rule, ...]
    offered: tuple[Rule, ...]
    leaves_by: Address | None
