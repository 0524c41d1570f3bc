"""The engine's numbers, in processor seconds. Rules are random, with few networks, so that they overlap."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from network.prove.engine.diagram import EMPTY
from network.prove.proof import fleets, prove
from network.prove.semantics.chains import Space, accepted, meaning_of
from network.prove.semantics.layout import Field
from network.prove.semantics.surroundings import Surroundings, interfaces_named
from network.prove.syntax.rules import parse_ruleset
from tests.unit.compile.fleets import random_model
from tests.unit.prove import fleets as made
from tests.unit.prove.generate import seeded
from tests.unit.prove.linear import lines, read

pytestmark = pytest.mark.slow


@contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    gc.collect()
    start = time.process_time()
    yield
    took = time.process_time() - start
    print(f"{what}: {took:.3f} s (at most {seconds} s)")  # noqa: T201 (shown with -s)
    assert took <= seconds, what


def test_equality_of_two_rulesets_of_1000_rules() -> None:
    random = seeded(1)
    rules = lines(random, 1000)
    one, same, other = read(rules), read([*rules, *random.sample(rules, 20)]), read(["-A FORWARD -j ACCEPT", *rules])
    around = Surroundings(interfaces_named([one]))
    with within(0.5, "1,000 rules, equal"):
        space = Space(4)
        assert meaning_of(space, one, around) == meaning_of(space, same, around)
    with within(0.5, "1,000 rules, one more"):
        space = Space(4)
        assert meaning_of(space, one, around) != meaning_of(space, other, around)


def test_a_firewall_of_5000_rules() -> None:
    random = seeded(2)
    ruleset = read(lines(random, 5000))
    around = Surroundings(interfaces_named([ruleset]))
    space = Space(4)
    with within(1.0, "5,000 rules, build"):
        passed = accepted(space, meaning_of(space, ruleset, around)["filter", "FORWARD"]).upper
    queries = [
        space.diagrams.box({Field.DST: ((d, d + 255),), Field.SRC: ((s, s + 255),), Field.DPORT: ((p, p),)})
        for d, s, p in ((random.getrandbits(31), random.getrandbits(31), random.getrandbits(15)) for _ in range(100))
    ]
    with within(1.0, "5,000 rules, 100 queries"):
        for query in queries:
            space.diagrams.intersect(passed, query)
    assert passed != EMPTY


def test_200_rulesets_of_50_rules() -> None:
    random = seeded(3)
    texts = ["\n".join(["*filter", ":FORWARD DROP [0:0]", *lines(random, 50), "COMMIT"]) for _ in range(200)]
    with within(5.0, "200 rulesets, 10,000 rules, read and built"):
        for text in texts:
            ruleset = parse_ruleset(text, 4, "made")
            meaning_of(Space(4), ruleset, Surroundings(interfaces_named([ruleset])))


def test_the_proof_of_100_hosts() -> None:
    model = random_model(seeded(7), flows=110, hosts=100, zones=8)
    texts = made.answers(model)
    snapshots = made.snapshots(model, texts)
    with within(4.0, f"100 hosts, {sum(each.count for each in snapshots.values())} rules, proved"):
        proof = prove(fleets(model, snapshots))
    assert proof.obligations
