"""The diagrams against the direct interpreter: what a chain does with a packet, read twice and independently."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from network.prove.semantics.chains import (
    ACCEPT,
    ACCEPT_UNTRACKED,
    DROP,
    Semantics,
    Space,
)
from network.prove.semantics.layout import Field
from network.prove.semantics.meaning import View
from network.prove.semantics.packet import Packet
from network.prove.semantics.surroundings import Interfaces
from network.prove.semantics.trace import Fate, Interpreter
from network.prove.syntax.rules import parse_ruleset
from tests.unit.prove import generate

HOOKS = (
    ("filter", "INPUT"),
    ("filter", "FORWARD"),
    ("filter", "OUTPUT"),
    ("raw", "PREROUTING"),
    ("mangle", "PREROUTING"),
    ("nat", "PREROUTING"),
)


def values_of(packet: Packet, interfaces: Interfaces) -> list[int]:
    values = [0] * len(Field)
    values[Field.STATE] = packet.state
    values[Field.IIF] = interfaces.number(packet.iif) if packet.iif else 0
    values[Field.OIF] = interfaces.number(packet.oif) if packet.oif else 0
    values[Field.PROTO] = packet.protocol
    values[Field.DST], values[Field.SRC] = packet.dst, packet.src
    values[Field.DPORT], values[Field.SPORT] = packet.dport, packet.sport
    values[Field.ODST], values[Field.ODPORT] = packet.original_dst or 0, packet.original_dport or 0
    values[Field.FLAGS], values[Field.HOPS] = packet.flags, packet.hops
    return values


def mask_of(space: Space, fates: frozenset[Fate]) -> int:
    mask = 0
    for fate in fates:
        if fate.translation is not None:
            mask |= space.bit(fate.translation)
        elif fate.kind == "DROP":
            mask |= DROP
        else:
            mask |= ACCEPT_UNTRACKED if fate.untracked else ACCEPT
    return mask


def compare(random: Random, family: int, packets: int, rules: int) -> None:
    table, hook = random.choice(HOOKS)
    text = generate.ruleset(random, generate.Style(family), table, hook, rules)
    ruleset = parse_ruleset(text, family, "random")
    around = generate.surroundings(family)
    space = Space(family)
    translated = table == "filter" and hook != "OUTPUT" and random.random() < 0.4
    node = Semantics(space, ruleset, around).hook(table, hook, View(translated, translated, table != "raw"))
    interpreter = Interpreter(ruleset, around)
    for _ in range(packets):
        packet = generate.packet(random, family, hook, translated=translated)
        fates = interpreter.fates(table, hook, packet)
        expected = mask_of(space, fates)
        assert space.diagrams.mask(node, values_of(packet, around.interfaces)) == expected, f"{text}\n{packet}"
        for fate in fates:
            decision = interpreter.decide(table, hook, packet, fate.kind)
            assert decision.fate.kind == fate.kind, f"{text}\n{packet}"


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), family=st.sampled_from((4, 6)))
def test_diagrams_and_interpreter_agree(seed: int, family: int) -> None:
    compare(generate.seeded(seed), family, packets=40, rules=7)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), family=st.sampled_from((4, 6)))
def test_diagrams_and_interpreter_agree_at_length(seed: int, family: int) -> None:
    compare(generate.seeded(seed), family, packets=100, rules=12)
