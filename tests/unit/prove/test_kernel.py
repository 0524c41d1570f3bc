"""The model against the kernel: random rules are loaded into a namespace, random packets sent, verdicts compared."""

import os
from collections.abc import Iterator
from random import Random

import pytest

from network.prove.fleet.gather import SCRIPT
from network.prove.fleet.hop import Outcome, Visit
from network.prove.fleet.host import Host
from network.prove.fleet.machine import Machine, Passage
from network.prove.fleet.snapshot import parse_snapshot
from network.prove.semantics.chains import Space
from network.prove.semantics.layout import State
from network.prove.semantics.packet import Packet
from network.prove.syntax.addresses import parse_address
from tests.unit.prove import generate, kernel
from tests.unit.prove.test_semantics import values_of

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="loading rules needs root"),
]

STYLES = {family: generate.Style(family, open_conditions=False, loadable=True) for family in (4, 6)}
SETS = {family: text.replace(" timeout 30", "").replace(" timeout 7", "") for family, text in generate.SETS.items()}
_TCP_NEW = (2, 16)
_TCP_INVALID = (18, 4, 1, 0)
_ICMP = {1: {8: State.NEW}, 58: {128: State.NEW, 135: State.UNTRACKED}}
"""What conntrack calls a packet of a type: requests open connections, neighbour discovery is never tracked."""


@pytest.fixture(params=(4, 6), ids=("ipv4", "ipv6"))
def host(request: pytest.FixtureRequest) -> Iterator[kernel.Host]:
    built = kernel.Host(request.param)
    try:
        built.build()
        yield built
    finally:
        built.remove()


def rules(random: Random, family: int) -> str:
    """Give a ruleset on the way in: raw, mangle, nat and filter, each of random rules, and nothing that answers."""
    style = STYLES[family]
    texts = [
        generate.ruleset(random, style, "raw", "PREROUTING", 4).replace("COMMIT", ":OUTPUT DROP [0:0]\nCOMMIT"),
        generate.ruleset(random, style, "mangle", random.choice(("PREROUTING", "INPUT", "FORWARD")), 3),
        generate.ruleset(random, style, "nat", "PREROUTING", 4),
        generate.ruleset(random, style, "filter", random.choice(("INPUT", "FORWARD")), 8),
    ]
    return "".join(texts)


def packets(random: Random, number: int, family: int) -> list[Packet]:
    """Give packets that each open a connection of their own, or belong to none."""
    found: list[Packet] = []
    taken: set[tuple[int, frozenset[tuple[int, int]]]] = set()
    while len(found) < number:
        drawn = generate.packet(random, family, "PREROUTING")
        if family == 4 and (drawn.src >> 28 == 0xE or drawn.src >> 24 == 0):
            continue
        sport = random.randrange(1025, 65535) if random.random() < 0.7 else drawn.sport
        flags, state = drawn.flags, State.NEW
        if drawn.protocol == 6:
            flags = random.choice(_TCP_NEW if random.random() < 0.8 else _TCP_INVALID)
            state = State.NEW if flags in _TCP_NEW else State.INVALID
        elif drawn.protocol in _ICMP:
            state = _ICMP[drawn.protocol].get(drawn.dport >> 8, State.INVALID)
        plain = Packet(family, state, "eth0", "", drawn.protocol, drawn.src, drawn.dst, sport, drawn.dport, flags, 64)
        icmp = plain.protocol in _ICMP
        ends = frozenset(((plain.src, plain.sport), (plain.dst, plain.sport if icmp else plain.dport)))
        alone = frozenset(((plain.src, 0), (plain.dst, 0)))
        key = (plain.protocol, alone if plain.protocol == 47 else ends)
        if key not in taken and not (icmp and plain.dport >> 8 in kernel.ERRORS[plain.protocol]):
            taken.add(key)
            found.append(plain)
    return found


def fits(passage: Passage, seen: kernel.Seen | None, packet: Packet) -> bool:
    if seen is None:
        return False
    dst, dport = passage.change.dst, passage.change.dport
    same_dst = packet.dst == seen.dst if dst is None else any(a <= seen.dst <= b for a, b in dst)
    same_port = packet.protocol == 47 or (packet.dport == seen.dport if dport is None else True)
    return passage.oif == seen.interface and same_dst and same_port


def compare(host: kernel.Host, random: Random) -> None:
    text = rules(random, host.family)
    host.load(text, SETS[host.family])
    strictness = random.choice((0, 1, 2))
    kernel.run(host.tested, f"sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter={strictness}")
    snapshot = parse_snapshot(host.gather(SCRIPT), "tested", "gathered")
    tested = Host(snapshot, host.family)
    space = Space(host.family)
    machine = Machine(space, tested)
    visit = Visit(tested)
    sent = packets(random, 250, host.family)
    translated = [parse_address(address, host.family) for address in generate.TRANSLATIONS[host.family]]
    for packet, seen in zip(sent, host.send(sent), strict=True):
        where = f"{text}\nrp_filter {strictness}\n{packet}\nkernel: {seen}"
        values = values_of(packet, tested.interfaces)
        passages = machine.arrivals("eth0", packet.state)
        perhaps = [p for p in passages if space.diagrams.mask(p.packets.upper, values)]
        surely = [p for p in passages if space.diagrams.mask(p.packets.lower, values)]
        if packet.protocol == 47 and (packet.dst in translated or any(passage.change.dst for passage in perhaps)):
            continue  # without ports, a translated connection clashes with another one, and the later is dropped
        assert all(fits(passage, seen, packet) for passage in surely), f"{where}\nmodel: {surely}"
        assert seen is None or any(fits(passage, seen, packet) for passage in perhaps), f"{where}\nmodel: {perhaps}"
        hop = visit.arrive(packet)
        if surely:
            assert hop.outcome is not Outcome.STOPPED, f"{where}\n{hop}"
            assert seen is not None and (hop.left.dst, hop.left.oif) == (seen.dst, seen.interface), f"{where}\n{hop}"
        elif not perhaps:
            assert hop.outcome is Outcome.STOPPED, f"{where}\n{hop}"


@pytest.mark.parametrize("seed", range(25))
def test_verdicts_are_the_kernels(host: kernel.Host, seed: int) -> None:
    compare(host, generate.seeded(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1300))
def test_verdicts_are_the_kernels_at_length(host: kernel.Host, seed: int) -> None:
    compare(host, generate.seeded(seed))
