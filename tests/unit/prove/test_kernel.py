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
from tests.unit.prove import generate, kernel
from tests.unit.prove.test_semantics import values_of

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="loading rules needs root"),
]

STYLE = generate.Style(open_conditions=False, loadable=True)
SETS = generate.SETS[4].replace(" timeout 30", "").replace(" timeout 7", "")
_TCP_NEW = (2, 16)
_TCP_INVALID = (18, 4, 1, 0)


@pytest.fixture
def host() -> Iterator[kernel.Host]:
    built = kernel.Host()
    try:
        built.build()
        yield built
    finally:
        built.remove()


def rules(random: Random) -> str:
    """Give a ruleset on the way in: raw, mangle, nat and filter, each of random rules, and nothing that answers."""
    texts = [
        generate.ruleset(random, STYLE, "raw", "PREROUTING", 4).replace("COMMIT", ":OUTPUT DROP [0:0]\nCOMMIT"),
        generate.ruleset(random, STYLE, "mangle", random.choice(("PREROUTING", "INPUT", "FORWARD")), 3),
        generate.ruleset(random, STYLE, "nat", "PREROUTING", 4),
        generate.ruleset(random, STYLE, "filter", random.choice(("INPUT", "FORWARD")), 8),
    ]
    return "".join(texts)


def packets(random: Random, number: int) -> list[Packet]:
    """Give packets that each open a connection of their own, or belong to none."""
    found: list[Packet] = []
    taken: set[tuple[int, frozenset[tuple[int, int]]]] = set()
    while len(found) < number:
        drawn = generate.packet(random, 4, "PREROUTING")
        if drawn.src >> 28 == 0xE or drawn.src >> 24 == 0:
            continue
        sport = random.randrange(1025, 65535) if random.random() < 0.7 else drawn.sport
        flags, state = drawn.flags, State.NEW
        if drawn.protocol == 6:
            flags = random.choice(_TCP_NEW if random.random() < 0.8 else _TCP_INVALID)
            state = State.NEW if flags in _TCP_NEW else State.INVALID
        elif drawn.protocol == 1:
            state = State.NEW if drawn.dport == 8 << 8 else State.INVALID
        plain = Packet(4, state, "eth0", "", drawn.protocol, drawn.src, drawn.dst, sport, drawn.dport, flags, 64)
        ends = frozenset(((plain.src, plain.sport), (plain.dst, plain.dport if plain.protocol != 1 else plain.sport)))
        alone = frozenset(((plain.src, 0), (plain.dst, 0)))
        key = (plain.protocol, alone if plain.protocol == 47 else ends)
        if key not in taken and plain.dport >> 8 not in ({3} if plain.protocol == 1 else set()):
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
    text = rules(random)
    host.load(text, SETS)
    strictness = random.choice((0, 1, 2))
    kernel.run(host.tested, f"sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter={strictness}")
    snapshot = parse_snapshot(host.gather(SCRIPT), "tested", "gathered")
    tested = Host(snapshot, 4)
    space = Space(4)
    machine = Machine(space, tested)
    visit = Visit(tested)
    sent = packets(random, 250)
    for packet, seen in zip(sent, host.send(sent), strict=True):
        where = f"{text}\nrp_filter {strictness}\n{packet}\nkernel: {seen}"
        values = values_of(packet, tested.interfaces)
        passages = machine.arrivals("eth0", packet.state)
        perhaps = [p for p in passages if space.diagrams.mask(p.packets.upper, values)]
        surely = [p for p in passages if space.diagrams.mask(p.packets.lower, values)]
        if packet.protocol == 47 and any(passage.change.dst for passage in perhaps):
            continue  # without ports, two translated connections to one address clash, and the second is dropped
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
