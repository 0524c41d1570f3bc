"""The proof's speed in processor seconds: whole fleets, and single rulesets beside z3 and CUDD on the same input.

A solver that has not answered within `PATIENCE` is counted with that time; its name then says so. Where an engine's
answer is not ours, the bench ends with an error: then the same thing was not measured.
"""

import gc
import time
from collections.abc import Callable, Set
from pathlib import Path
from random import Random
from typing import TypeVar

from network.errors import Problem, UserError
from network.model import Model
from network.prove.engine.diagram import EMPTY
from network.prove.proof import fleets, prove
from network.prove.semantics.chains import Semantics, Space, accepted, meaning_of
from network.prove.semantics.layout import Field
from network.prove.semantics.meaning import View
from network.prove.semantics.surroundings import Surroundings, interfaces_named
from network.prove.syntax.rules import parse_ruleset
from network.prove.syntax.types import Ruleset
from network.read import load
from tests.bench.reference.solvers import CHAIN, Cudd, z3_equal, z3_meets
from tests.bench.row import Row
from tests.unit.compile.fleets import random_model
from tests.unit.prove import fleets as made
from tests.unit.prove.generate import seeded
from tests.unit.prove.linear import lines, read

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests/unit/prove/corpus"
PATIENCE = 20.0
"""Seconds that a solver has for one answer."""
QUERIES = 100
T = TypeVar("T")


def measured(action: Callable[[], T]) -> tuple[T, float]:
    """Do something and return what it gives and how many processor seconds it took.

    Garbage is not looked for meanwhile, as in the command.
    """
    gc.collect()
    gc.disable()
    try:
        start = time.process_time()
        result = action()
        return result, time.process_time() - start
    finally:
        gc.enable()


def same(what: str, ours: object, theirs: object | None) -> None:
    """Raise UserError where another engine answers, and otherwise than ours."""
    if theirs is not None and ours != theirs:
        found = f"ours says {ours}, the reference says {theirs}"
        raise UserError(Problem(what, found, "both engines are asked the same", "find out which of the two is wrong"))


def patient(name: str, answer: object | None) -> str:
    """Name a reference, and say where it was stopped."""
    return name if answer is not None else f"{name}, stopped after {PATIENCE:.0f} s"


def fleet_rows(what: str, model: Model, target: str, expected: Set[str] = frozenset()) -> list[Row]:
    """Prove a fleet that has loaded what is compiled for it; the reference is reading what its hosts answered.

    `expected` names the obligations that do not hold, for the policy itself says so.
    """
    texts = made.answers(model)
    snapshots, reading = measured(lambda: made.snapshots(model, texts))
    proof, proving = measured(lambda: prove(fleets(model, snapshots)))
    failed = {each.name for each in proof.obligations if not each.holds}
    same(f"the obligations of {what} that fail", failed, expected)
    rules = sum(each.count for each in snapshots.values())
    return [Row(f"{what}, {rules:,} rules, proved", proving, "s", "reading the same answers", reading, target)]


def build(space: Space, ruleset: Ruleset) -> int:
    """Give the packets that a ruleset forwards, or may forward."""
    around = Surroundings(interfaces_named([ruleset]))
    return accepted(space, meaning_of(space, ruleset, around)["filter", CHAIN]).upper


def equality_rows() -> list[Row]:
    """Hold two equal rulesets of 1,000 rules against one another."""
    random = seeded(1)
    rules = lines(random, 1000)
    one, two = read(rules), read([*rules, *random.sample(rules, 20)])

    def ours() -> bool:
        space = Space(4)
        return build(space, one) == build(space, two)

    def cudd() -> bool:
        there = Cudd()
        return bool(there.accepts(one) == there.accepts(two))

    equal, value = measured(ours)
    by_cudd, cudd_seconds = measured(cudd)
    by_z3, z3_seconds = measured(lambda: z3_equal(one, two, int(PATIENCE * 1000)))
    same("1,000 rules, equal or not, in CUDD", equal, by_cudd)
    same("1,000 rules, equal or not, in z3", equal, by_z3)
    what = "1,000 rules, equality with 1,020"
    return [
        Row(what, value, "s", "CUDD", cudd_seconds, "< 0.5 s"),
        Row(what, value, "s", patient("z3", by_z3), z3_seconds, "< 0.5 s"),
    ]


def query(random: Random) -> dict[str, tuple[int, int]]:
    """Give the packets from one small network to one port of another."""
    destination, source, port = random.getrandbits(24) << 8, random.getrandbits(24) << 8, random.getrandbits(15)
    return {"dst": (destination, destination + 255), "dport": (port, port), "src": (source, source + 255)}


def generated_rows() -> list[Row]:
    """Build a chain of 5,000 rules, and ask it whether packets are forwarded."""
    random = seeded(2)
    ruleset = read(lines(random, 5000))
    asked = [query(random) for _ in range(QUERIES)]
    space, there = Space(4), Cudd()
    passed, building = measured(lambda: build(space, ruleset))
    by_cudd, cudd_building = measured(lambda: there.accepts(ruleset))

    def ours() -> list[bool]:
        boxes = [space.diagrams.box({Field[name.upper()]: (span,) for name, span in each.items()}) for each in asked]
        return [space.diagrams.intersect(passed, box) != EMPTY for box in boxes]

    def cudd() -> list[bool]:
        found = []
        for each in asked:
            box = there.manager.true
            for name, span in each.items():
                box &= there.between(name, *span)
            found.append(bool((by_cudd & box) != there.manager.false))
        return found

    answers, value = measured(ours)
    cudd_answers, cudd_seconds = measured(cudd)
    by_z3, z3_seconds = measured(lambda: z3_meets(ruleset, asked[0], int(PATIENCE * 1000)))
    same("5,000 rules, queries, in CUDD", answers, cudd_answers)
    same("5,000 rules, a query, in z3", answers[0], by_z3)
    each, name = 1000 / QUERIES, patient("z3, formula and all", by_z3)
    return [
        Row("5,000 generated rules, built", building, "s", "CUDD", cudd_building, "< 1 s"),
        Row("5,000 generated rules, a query", value * each, "ms", "CUDD", cudd_seconds * each, "< 10 ms"),
        Row("5,000 generated rules, a query", value * each, "ms", name, z3_seconds * 1000, "< 10 ms"),
    ]


def real_rows() -> list[Row]:
    """Build the largest firewall of the corpus, with its own chains; reading it is the reference."""
    path = max(CORPUS.glob("*.iptables-save"), key=lambda each: each.stat().st_size)
    text = path.read_text()
    ruleset, reading = measured(lambda: parse_ruleset(text, 4, path.name))
    space, around = Space(4), Surroundings(interfaces_named([ruleset]))

    def forwarded() -> int:
        return accepted(space, Semantics(space, ruleset, around).hook("filter", CHAIN, View())).upper

    passed, building = measured(forwarded)
    random = seeded(4)
    asked = [query(random) for _ in range(QUERIES)]

    def ours() -> None:
        for each in asked:
            box = space.diagrams.box({Field[name.upper()]: (span,) for name, span in each.items()})
            space.diagrams.intersect(passed, box)

    rules = sum(len(chain.rules) for table in ruleset.tables.values() for chain in table.chains.values())
    name = f"{path.stem}, {rules:,} rules"
    asking = measured(ours)[1] * 1000 / QUERIES
    return [
        Row(f"{name}, built", building * 1000, "ms", "reading it", reading * 1000, "< 1 s"),
        Row(f"{name}, a query", asking, "ms", "nothing", None, "< 10 ms"),
    ]


def many_rows() -> list[Row]:
    """Read and build 200 rulesets of 50 rules; CUDD builds the same, and is given them as they have been read."""
    random = seeded(3)
    texts = ["\n".join(["*filter", ":FORWARD DROP [0:0]", *lines(random, 50), "COMMIT"]) for _ in range(200)]
    rulesets, reading = measured(lambda: [parse_ruleset(text, 4, "made") for text in texts])
    _, value = measured(lambda: [build(Space(4), each) for each in rulesets])
    there = Cudd()
    _, cudd = measured(lambda: [there.accepts(each) for each in rulesets])
    return [
        Row(
            "200 rulesets, 10,000 rules, read and built",
            reading + value,
            "s",
            "CUDD, one manager",
            reading + cudd,
            "< 5 s",
        ),
    ]


def measure() -> list[Row]:
    """Measure all of it."""
    lab = load(ROOT / "network/policy.yml", ROOT / "inventory/lab")
    # Nobody gives operators SSH in a policy made up at random, and the proof must say so.
    hundred = random_model(seeded(7), flows=72, hosts=100, zones=8)
    return [
        *fleet_rows("the lab", lab, "< 2 s"),
        *fleet_rows("100 hosts", hundred, "< 1 s at 3,700 rules", {"operator-path"}),
        *many_rows(),
        *generated_rows(),
        *real_rows(),
        *equality_rows(),
    ]
