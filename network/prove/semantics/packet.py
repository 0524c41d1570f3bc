"""A single packet at one point of its way through a host, and its words for a reader."""

from collections.abc import Sequence
from dataclasses import dataclass

from network.prove.semantics.layout import Field, State
from network.prove.semantics.surroundings import Interfaces
from network.prove.syntax.addresses import print_address
from network.prove.syntax.numbers import ICMP, ICMPV6, TCP, WITH_PORTS, print_flags, print_protocol


@dataclass(frozen=True)
class Packet:
    """A packet. `dport` of ICMP is type * 256 + code.

    `original_dst` and `original_dport` are set once this host has translated the destination. An empty interface name
    is none: the packet begins, or ends, here.
    """

    family: int
    state: State
    iif: str
    oif: str
    protocol: int
    src: int
    dst: int
    sport: int
    dport: int
    flags: int
    hops: int
    original_dst: int | None = None
    original_dport: int | None = None

    @property
    def translated(self) -> bool:
        """Whether this host has changed the destination."""
        return self.original_dst is not None or self.original_dport is not None

    def __str__(self) -> str:
        protocol = print_protocol(self.protocol)
        source, destination = print_address(self.src, self.family), print_address(self.dst, self.family)
        if self.protocol in {ICMP, ICMPV6}:
            what = f"{protocol} type {self.dport >> 8} code {self.dport & 255}"
            return f"{what}  {source} → {destination}  {self.state.name}"
        if self.protocol in WITH_PORTS:
            source, destination = _with_port(source, self.sport), _with_port(destination, self.dport)
        flags = f"  [{print_flags(self.flags)}]" if self.protocol == TCP else ""
        return f"{protocol}  {source} → {destination}{flags}  {self.state.name}"


def _with_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def packet_of(values: Sequence[int], family: int, interfaces: Interfaces, *, translated: bool = False) -> Packet:
    """Give the packet of a diagram's witness."""
    return Packet(
        family=family,
        state=State(values[Field.STATE]),
        iif=interfaces.name(values[Field.IIF]),
        oif=interfaces.name(values[Field.OIF]),
        protocol=values[Field.PROTO],
        src=values[Field.SRC],
        dst=values[Field.DST],
        sport=values[Field.SPORT],
        dport=values[Field.DPORT],
        flags=values[Field.FLAGS],
        hops=values[Field.HOPS],
        original_dst=values[Field.ODST] if translated else None,
        original_dport=values[Field.ODPORT] if translated else None,
    )
