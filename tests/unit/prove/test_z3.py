"""The diagrams against z3, asked whether two small rulesets treat every packet alike."""

from random import Random

import pytest
import z3  # type: ignore[import-untyped]

from network.prove.engine.diagram import EMPTY
from network.prove.semantics.chains import Space, accepted, meaning_of
from network.prove.semantics.layout import Field
from network.prove.semantics.packet import Packet, packet_of
from network.prove.semantics.surroundings import Surroundings
from network.prove.semantics.trace import Interpreter
from network.prove.syntax.rules import parse_ruleset
from network.prove.syntax.types import Ruleset
from tests.unit.prove import generate
from tests.unit.prove.formulas import INTERFACES, WIDTHS, P, accepts

STYLE = generate.Style(open_conditions=False, interfaces=True, connections=False, sets=False, host=False)


def flat(random: Random, rules: int) -> list[str]:
    """Give rules of one chain that only accept and drop."""
    text = ""
    while text.count("-A INPUT") < rules:
        text += generate.ruleset(random, STYLE, "filter", "INPUT", rules * 4)
    lines = [line for line in text.splitlines() if line.startswith("-A INPUT") and line.endswith(("ACCEPT", "DROP"))]
    return [line for line in lines if "ttl" not in line][:rules]


def ruleset(lines: list[str]) -> Ruleset:
    return parse_ruleset("\n".join(["*filter", ":INPUT DROP [0:0]", *lines, "COMMIT"]), 4, "random")


def compare(seed: int, rules: int) -> bool:
    """Hold two rulesets against one another, in both ways, and tell whether they are equal."""
    random = generate.seeded(seed)
    lines = flat(random, rules)
    other = list(lines)
    change = random.randrange(4)
    where = random.randrange(max(1, len(lines) - 1))
    if change == 0 and len(lines) > 1:
        other[where : where + 2] = reversed(other[where : where + 2])
    elif change == 1:
        other.append(random.choice(lines))
    elif change == 2:
        other.pop(where)
    else:
        other.insert(0, random.choice(lines))
    one, two = ruleset(lines), ruleset(other)
    space = Space(4)
    around = Surroundings(INTERFACES)
    in_one, in_two = (accepted(space, meaning_of(space, each, around)["filter", "INPUT"]).upper for each in (one, two))
    solver = z3.Solver()
    solver.add(z3.ULE(P["state"], 4), z3.ULE(P["iif"], len(INTERFACES.names)), P["iif"] > 0)
    solver.add(accepts(one, "INPUT") != accepts(two, "INPUT"))
    differing = space.diagrams.union(
        space.diagrams.difference(in_one, in_two), space.diagrams.difference(in_two, in_one)
    )
    real = space.diagrams.intersect(differing, space.diagrams.box({Field.IIF: ((1, len(INTERFACES.names)),)}))
    assert (solver.check() == z3.unsat) == (real == EMPTY), "\n".join([*lines, "--", *other])
    witness = space.diagrams.witness(real)
    if witness is not None:
        check(packet_of(witness, 4, INTERFACES), one, two, around)
    return real == EMPTY


def check(packet: Packet, one: Ruleset, two: Ruleset, around: Surroundings) -> None:
    """See that z3 and the interpreter treat a witness differently in the two rulesets, too."""
    kinds = [{fate.kind for fate in Interpreter(each, around).fates("filter", "INPUT", packet)} for each in (one, two)]
    assert kinds[0] != kinds[1]
    values = {
        "proto": packet.protocol,
        "src": packet.src,
        "dst": packet.dst,
        "sport": packet.sport,
        "dport": packet.dport,
        "flags": packet.flags,
        "state": int(packet.state),
        "iif": INTERFACES.number(packet.iif),
    }
    point = [(P[name], z3.BitVecVal(value, WIDTHS[name])) for name, value in values.items()]
    verdicts = [z3.is_true(z3.simplify(z3.substitute(accepts(each, "INPUT"), *point))) for each in (one, two)]
    assert [{"ACCEPT"} if verdict else {"DROP"} for verdict in verdicts] == kinds


def test_z3_and_diagrams_agree_on_equality() -> None:
    answers = {compare(seed, rules=6) for seed in range(40)}
    assert answers == {True, False}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 200))
def test_z3_and_diagrams_agree_on_longer_rulesets(seed: int) -> None:
    compare(seed, rules=25)
