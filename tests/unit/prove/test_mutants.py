"""Every change of what is loaded that changes what gets through breaks a claim, and the counterexample names it."""

from collections import Counter

import pytest

from network.model import Model
from network.prove.fleet.snapshot import parse_snapshot
from network.prove.mutation.generate import Generator
from network.prove.mutation.mutant import Mutant
from network.prove.mutation.score import Fate, Judge, Judged, rows, score
from network.prove.proof import fleets
from tests.unit.compile.fleets import random_model
from tests.unit.prove import fleets as made
from tests.unit.prove.generate import seeded
from tests.unit.prove.test_snapshot import lab

MISSED = {Fate.UNNAMED, Fate.SURVIVED}


def prepared(model: Model) -> tuple[Judge, list[Mutant]]:
    texts = made.answers(model)
    snapshots = made.snapshots(model, texts)
    found = [each for host, one in snapshots.items() for each in Generator(texts[host], one).mutants()]
    return Judge(snapshots, fleets(model, snapshots)), found


@pytest.fixture(scope="module")
def of_lab() -> tuple[Judge, list[Mutant]]:
    return prepared(lab())


def missed(found: list[Judged]) -> list[str]:
    return [f"{each.fate.name}: {each.mutant}\n  {each.said[:3]}" for each in found if each.fate in MISSED]


def test_mutants_are_caught_and_named(of_lab: tuple[Judge, list[Mutant]]) -> None:
    judge, found = of_lab
    judged = [judge.judge(each) for each in found[::97]]
    assert missed(judged) == []
    assert Counter(each.fate for each in judged)[Fate.NAMED] > len(judged) / 5


@pytest.mark.slow
def test_all_mutants_are_caught_and_named(of_lab: tuple[Judge, list[Mutant]]) -> None:
    judge, found = of_lab
    judged = list(score(judge, found))
    assert len(judged) == len(found)
    assert missed(judged) == []


def test_every_rule_member_route_and_setting_is_changed(of_lab: tuple[Judge, list[Mutant]]) -> None:
    judge, found = of_lab
    for host, snapshot in judge.snapshots.items():
        mine = [each for each in found if each.host == host]
        for change in ("delete", "duplicate"):
            lines = {each.line for each in mine if each.kind == f"rule {change}"}
            assert len(lines) == snapshot.count
            members = [entry.line for one in snapshot.sets.values() for entry in one.entries]
            assert {each.line for each in mine if each.kind == f"set {change}"} == set(members)
            routes = Counter(each.section for each in mine if each.kind == f"route {change}")
            assert routes.total() == sum(map(len, snapshot.routes.values()))
        changed = {each.was.partition(":")[0] for each in mine if each.kind == "setting alter"}
        assert changed == set(snapshot.kernel)
    kinds = {each.kind for each in found}
    for thing in ("rule", "set", "route"):
        assert {f"{thing} {change}" for change in ("delete", "duplicate", "widen", "narrow", "reorder")} <= kinds


def test_every_mutant_differs_where_it_says(of_lab: tuple[Judge, list[Mutant]]) -> None:
    _, found = of_lab
    for each in found[::31]:
        before = "\n".join(each.lines) + "\n"
        assert each.text != before or each.was == each.now
        assert each.host in str(each)


def test_an_equivalent_mutant_is_shown_to_be_one_and_a_hole_is_not(of_lab: tuple[Judge, list[Mutant]]) -> None:
    judge, found = of_lab
    twice = next(each for each in found if each.host == "core1" and each.kind == "rule duplicate")
    assert judge.judge(twice).fate is Fate.EQUIVALENT
    opened = next(
        each
        for each in found
        if each.host == "core1"
        and each.was == '-A FORWARD -m comment --comment "deny:fwd" -j DROP'
        and each.change == "verdict"
    )
    assert judge.judge(opened).fate is Fate.NAMED


def test_a_writing_that_overwrites_other_settings_does_so_here_too(of_lab: tuple[Judge, list[Mutant]]) -> None:
    _, found = of_lab
    off = next(each for each in found if each.host == "edge1" and each.now == "ipv4/ip_forward:0")
    snapshot = parse_snapshot(off.text, "edge1", "edge1")
    assert not any(
        value for name, value in snapshot.kernel.items() if name.startswith("ipv4/") and "forwarding" in name
    )


def test_what_is_missed_lowers_the_score(of_lab: tuple[Judge, list[Mutant]]) -> None:
    _, found = of_lab
    total = rows([Judged(found[0], Fate.NAMED), Judged(found[1], Fate.SURVIVED), Judged(found[2], Fate.UNNAMED)])[-1]
    assert (total.all, total.caught, total.missed) == (3, 2, 2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_mutants_of_fleets_of_both_families_do_not_survive(seed: int) -> None:
    judge, found = prepared(random_model(seeded(seed), flows=8, hosts=6, zones=4, dual=True))
    judged = list(score(judge, found[::3]))
    assert [str(each.mutant) for each in judged if each.fate is Fate.SURVIVED] == []
