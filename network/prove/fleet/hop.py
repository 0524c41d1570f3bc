"""One packet on its way through one host, step by step: what a counterexample shows of each hop.

Written on the direct interpreter and on single route lookups, apart from the sets of `machine`, so that a packet which
the sets say gets through can be checked to do so.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

from network.prove.engine.intervals import contains
from network.prove.fleet.host import Host
from network.prove.fleet.routes import Kind, Way
from network.prove.semantics.layout import State
from network.prove.semantics.meaning import LINK_GROUPS, LINK_LOCAL, NARROW
from network.prove.semantics.packet import Packet
from network.prove.semantics.trace import Decision, Interpreter
from network.prove.syntax.types import DestinationNat, SourceNat


class Outcome(Enum):
    """How a packet's visit to a host ends."""

    DELIVERED = "delivered"
    SENT_ON = "sent on"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Hop:
    """A packet's visit to a host.

    `arrived` and `left` are the packet before and after. `decisions` are what each built-in chain on the way did, in
    order; the last is the one that stopped the packet, if a rule did. Otherwise `reason` says why the kernel did.
    """

    host: str
    outcome: Outcome
    arrived: Packet
    left: Packet
    gateway: int | None
    decisions: tuple[Decision, ...]
    reason: str = ""


Progress = Iterator[tuple[Packet, int | None, Outcome]]
"""The packet so far, its next router, and how the visit would end here."""


class _StoppedError(Exception):
    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class Visit:
    """Takes packets through one host. Where a rule's condition is open, the branch that ends as `wanted` is taken."""

    def __init__(self, host: Host, wanted: str = "ACCEPT") -> None:
        self.host = host
        self.wanted = wanted
        self.interpreter = Interpreter(host.snapshot.rules[host.family], host.surroundings)

    def arrive(self, packet: Packet) -> Hop:
        """Take a packet that comes by the interface it names."""
        return self._visit(packet, self._inbound)

    def depart(self, packet: Packet) -> Hop:
        """Take a packet that the host itself sends."""
        return self._visit(packet, self._outbound)

    def _visit(self, packet: Packet, way: Callable[[Packet, list[Decision]], Progress]) -> Hop:
        decisions: list[Decision] = []
        now, gateway, reason = packet, None, ""
        outcome = Outcome.STOPPED
        try:
            for now, gateway, outcome in way(packet, decisions):  # noqa: B007 (the last one counts)
                pass
        except _StoppedError as stopped:
            outcome, reason = Outcome.STOPPED, stopped.reason
        return Hop(self.host.name, outcome, packet, now, gateway, tuple(decisions), reason)

    def _inbound(self, packet: Packet, decisions: list[Decision]) -> Progress:
        if not contains(self.host.arriving(), packet.dst):
            raise _StoppedError("no packet with this destination may come by a wire")
        now = self._pass("PREROUTING", ("raw", "mangle", "nat"), packet, decisions)
        yield now, None, Outcome.STOPPED
        if not contains(self.host.sources(packet.iif)[1], now.src):
            raise _StoppedError(
                f"the kernel refuses this source on {packet.iif}: "
                f"rp_filter is {self.host.strictness(packet.iif)}, and the reply would leave {self._reply_way(now)}"
            )
        if contains(self.host.taken_in(packet.iif)[1], now.dst):
            now = self._pass("INPUT", ("mangle", "filter", "security", "nat"), now, decisions)
            yield now, None, Outcome.DELIVERED
            return
        way = self._way(now.dst, packet.iif)
        if not self.host.forwards(packet.iif):
            mine = any(now.dst in self.host.addresses_on(link.name) for link in self.host.links)
            lost = "no local route leads to this address of the host's own"
            raise _StoppedError(lost if mine else f"forwarding is off on {packet.iif}")
        if not contains(self.host.sent_on(packet.iif).get(way, ()), now.dst):
            raise _StoppedError("the kernel does not send this destination on")
        if contains(self.host.unforwardable_sources(packet.iif, way)[1], now.src):
            raise _StoppedError("no router sends this source on")
        if now.hops < 2:
            raise _StoppedError("the hop limit is used up")
        now = replace(now, oif=way.interface, hops=now.hops - 1)
        now = self._pass("FORWARD", ("mangle", "filter", "security"), now, decisions)
        now = self._pass("POSTROUTING", ("mangle", "nat"), now, decisions)
        yield now, way.gateway, Outcome.SENT_ON

    def _outbound(self, packet: Packet, decisions: list[Decision]) -> Progress:
        way = self._way(packet.dst)
        now = self._pass("OUTPUT", ("raw", "mangle", "nat"), replace(packet, oif=way.interface), decisions)
        now = self._pass("OUTPUT", ("filter", "security"), now, decisions)
        yield now, None, Outcome.STOPPED
        way = self._way(now.dst)
        now = self._pass("POSTROUTING", ("mangle", "nat"), replace(now, oif=way.interface), decisions)
        yield now, way.gateway, Outcome.SENT_ON

    def _way(self, destination: int, iif: str = "") -> Way:
        of_the_link = self.host.family == 6 and contains(LINK_LOCAL, destination)
        way = self.host.routes.way(destination, iif if of_the_link else "")
        if way.kind is not Kind.OUT:
            nowhere = way.kind is Kind.NOWHERE
            raise _StoppedError("no route leads there" if nowhere else f"the route there is {way.kind.value}")
        if self.host.disabled(way.interface):
            raise _StoppedError(f"IPv6 is switched off on {way.interface}")
        return way

    def _reply_way(self, packet: Packet) -> str:
        way = self.host.routes.way(packet.src)
        return f"by {way.interface}" if way.kind is Kind.OUT else f"nowhere (the route is {way.kind.value})"

    def _pass(self, chain: str, tables: tuple[str, ...], packet: Packet, decisions: list[Decision]) -> Packet:
        """Take a packet through the chains of a hook, as translated by them."""
        for table in tables:
            if table == "nat" and packet.state is not State.NEW:
                continue
            decision = self.interpreter.decide(table, chain, packet, self.wanted if table != "nat" else "NAT")
            decisions.append(decision)
            if decision.fate.kind == "DROP":
                raise _StoppedError
            if decision.fate.untracked:
                packet = replace(packet, state=State.UNTRACKED)
            if decision.fate.translation is not None:
                packet = self._translate(packet, decision.fate.translation)
        return packet

    def _translate(self, packet: Packet, translation: DestinationNat | SourceNat) -> Packet:
        to = translation.to
        address, port = to.first_address, to.first_port
        if isinstance(translation, SourceNat):
            if translation.target == "MASQUERADE":
                address = self._first(packet.oif)
            source = packet.src if address is None else address
            return replace(packet, src=source, sport=packet.sport if port is None else port)
        if translation.target == "REDIRECT":
            address = self._redirected(packet) if packet.iif else (0x7F000001 if self.host.family == 4 else 1)
        destination = packet.dst if address is None else address
        arriving = packet.dport if port is None else port
        if (destination, arriving) == (packet.dst, packet.dport):
            return packet
        return replace(
            packet,
            dst=destination,
            dport=arriving,
            original_dst=packet.dst if address is not None else None,
            original_dport=packet.dport if port is not None else None,
        )

    def _redirected(self, packet: Packet) -> int:
        """Give the host's address that a packet is redirected to: for IPv6, one of the destination's scope."""
        addresses = self.host.addresses_on(packet.iif)
        of_the_link = [address for address in addresses if contains(LINK_LOCAL, address)]
        if of_the_link and contains((*LINK_LOCAL, *LINK_GROUPS), packet.dst):
            return of_the_link[0]
        if self.host.family == 6 and contains(NARROW, packet.dst):
            raise _StoppedError(f"{packet.iif} has no address of the destination's scope")
        return self._first(packet.iif)

    def _first(self, interface: str) -> int:
        addresses = self.host.addresses_on(interface)
        if not addresses:
            raise _StoppedError(f"{interface} has no address to translate to")
        return addresses[0]
