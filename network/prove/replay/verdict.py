"""The proof's word against the kernels': where a packet was seen, held against the way it was foretold. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from network.prove.fleet.hop import Hop, Outcome
from network.prove.replay.probe import Probe
from network.prove.replay.wire import Header
from network.prove.semantics.packet import Packet
from network.prove.syntax.addresses import print_address
from network.prove.syntax.numbers import ICMP, ICMPV6, WITH_PORTS


@dataclass(frozen=True)
class Sighting:
    """A packet seen at a host: how (in, out or taken), by which interface, and its header."""

    how: str
    interface: str
    header: Header


@dataclass(frozen=True)
class Seen:
    """What was seen of one packet. `said` is the sender's word; `at` the sightings by host.

    `asked` holds (host, interface, address) of what hosts asked a link for: a packet leaves once that is answered.
    """

    said: str
    at: Mapping[str, Sequence[Sighting]]
    asked: frozenset[tuple[str, str, int]] = frozenset()


class Agreement(Enum):
    """How proof and kernels stand to one another."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Replayed:
    """A packet that was sent, and what became of it."""

    probe: Probe
    agreement: Agreement
    model: str
    kernel: str


def compare(probe: Probe, seen: Seen) -> Replayed:
    """Hold what was seen against what was foretold. Where conditions are open, either way will do."""
    first = _along(probe, probe.hops, seen)
    if first.agreement is Agreement.DISAGREES and probe.open:
        return _along(probe, probe.otherwise, seen)
    return first


def _along(probe: Probe, hops: Sequence[Hop], seen: Seen) -> Replayed:
    for number, hop in enumerate(hops):
        at = seen.at.get(hop.host, ())
        came = [each.header for each in at if each.how == "in"]
        if hop.arrived.iif and not any(_same(header, hop.arrived) for header in came):
            before = "was put on the link" if number == 0 else f"left {hops[number - 1].host}"
            after = f"came to {hop.host} as {_shown(came[0])}" if came else f"never came to {hop.host}"
            return Replayed(probe, Agreement.INCONCLUSIVE, _model(hop), f"{before} and {after}")
        wrong = _wrong(hop, at, seen)
        if wrong:
            return Replayed(probe, Agreement.DISAGREES, _model(hop), f"{hop.host} {wrong}")
    return Replayed(probe, Agreement.AGREES, _model(hops[-1]), "does the same")


def _wrong(hop: Hop, at: Sequence[Sighting], seen: Seen) -> str:
    """Say what a host did other than foretold; nothing if it did just that."""
    taken = [each for each in at if each.how == "taken"]
    left = [each for each in at if each.how == "out"]
    match hop.outcome:
        case Outcome.DELIVERED:
            fitting = [each for each in taken if _same(each.header, hop.left)]
            return "" if fitting else _did(taken, left)
        case Outcome.SENT_ON:
            fitting = [each for each in left if each.interface == hop.left.oif and _same(each.header, hop.left)]
            towards = hop.left.dst if hop.gateway is None else hop.gateway
            waits = (hop.host, hop.left.oif, towards) in seen.asked
            return "" if fitting or (waits and not left) else _did(taken, left)
        case Outcome.STOPPED:
            return _did(taken, left) if taken or left else ""


def _same(header: Header, packet: Packet) -> bool:
    told = packet.protocol in WITH_PORTS or packet.protocol in {ICMP, ICMPV6}
    port = packet.dport if told else 0
    return (header.src, header.dst, header.protocol, header.dport) == (packet.src, packet.dst, packet.protocol, port)


def _did(taken: Sequence[Sighting], left: Sequence[Sighting]) -> str:
    deeds = [f"takes it in as {_shown(each.header)}" for each in taken]
    deeds += [f"sends it out by {each.interface} as {_shown(each.header)}" for each in left]
    return " and ".join(deeds) or "stops it"


def _shown(header: Header) -> str:
    return f"{print_address(header.src, header.family)} → {print_address(header.dst, header.family)}:{header.dport}"


def _model(hop: Hop) -> str:
    """Say what the proof has a host do."""
    match hop.outcome:
        case Outcome.DELIVERED:
            return f"{hop.host} takes it in"
        case Outcome.SENT_ON:
            return f"{hop.host} sends it out by {hop.left.oif}"
        case Outcome.STOPPED:
            decision = hop.decisions[-1] if hop.decisions else None
            by = f"line {decision.by.line}" if decision and decision.by else "a policy"
            return f"{hop.host} stops it ({hop.reason or by})"
