"""The references of the proof's bench must understand rules as the diagrams do, or nothing is compared."""

from random import Random

import pytest

from network.prove.engine.diagram import EMPTY
from network.prove.semantics.chains import Space
from network.prove.semantics.layout import Field
from tests.bench.proof import build, query
from tests.bench.reference.solvers import Cudd, z3_equal, z3_meets
from tests.unit.prove.generate import seeded
from tests.unit.prove.linear import lines, read

MILLISECONDS = 20_000


@pytest.fixture
def rules() -> list[str]:
    return lines(seeded(9), 60)


def questions(random: Random) -> list[dict[str, tuple[int, int]]]:
    """Give every packet, and those to some ports."""
    everything = {"dst": (0, 0xFFFFFFFF), "dport": (0, 65535), "src": (0, 0xFFFFFFFF)}
    return [everything, *(everything | {"dport": query(random)["dport"]} for _ in range(10))]


@pytest.mark.parametrize("more", ["-A FORWARD -j ACCEPT", "-A FORWARD -s 10.0.0.0/8 -p tcp -m tcp --dport 7 -j DROP"])
def test_a_rule_that_matters_makes_a_difference_in_each_engine(rules: list[str], more: str) -> None:
    one = read(["-A FORWARD -p tcp -m tcp --dport 7 -j ACCEPT", *rules])
    same, other = read(["-A FORWARD -p tcp -m tcp --dport 7 -j ACCEPT", *rules, rules[0]]), read([more, *rules])
    space, there = Space(4), Cudd()
    for candidate, equal in ((same, True), (other, False)):
        assert (build(space, one) == build(space, candidate)) is equal
        assert (there.accepts(one) == there.accepts(candidate)) is equal
        assert z3_equal(one, candidate, MILLISECONDS) is equal


def test_queries_have_the_same_answers_in_each_engine(rules: list[str]) -> None:
    ruleset = read(rules)
    space, there = Space(4), Cudd()
    passed, by_cudd = build(space, ruleset), there.accepts(ruleset)
    for spans in questions(seeded(10)):
        box = space.diagrams.box({Field[name.upper()]: (span,) for name, span in spans.items()})
        ours = space.diagrams.intersect(passed, box) != EMPTY
        asked = by_cudd
        for name, span in spans.items():
            asked &= there.between(name, *span)
        assert (asked != there.manager.false) is ours
        assert z3_meets(ruleset, spans, MILLISECONDS) is ours
