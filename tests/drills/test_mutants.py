"""A few mutants made real: the proof over what the hosts then have loaded is red, and names the mutant."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from network.check.shell import Shell
from network.model import Model
from network.prove.fleet import gather
from network.prove.fleet.snapshot import Snapshot
from network.prove.mutation.generate import Generator
from network.prove.mutation.live import sample, try_live
from network.prove.mutation.mutant import THINGS
from network.prove.mutation.score import Fate, Judge, Judged
from network.prove.proof import fleets, prove, read_snapshots, required_hosts

_MUTANTS = 6
_SEED = 21


def gathered(model: Model, state: Path) -> tuple[Mapping[str, str], Mapping[str, Snapshot]]:
    texts, silent = gather.gather(required_hosts(model), state / "ssh_config")
    assert silent == []
    return texts, read_snapshots(model, texts, {name: name for name in texts})


@pytest.fixture(scope="module")
def judged(model: Model, state: Path, shells: Mapping[str, Shell]) -> Iterator[list[Judged]]:
    """Make mutants real, one at a time, and prove each. Afterwards the fleet does what it did before."""
    texts, snapshots = gathered(model, state)
    judge = Judge(snapshots, fleets(model, snapshots))
    assert prove(judge.sound).holds
    mutants = [each for name, one in snapshots.items() for each in Generator(texts[name], one).mutants()]
    found: list[Judged] = []
    for mutant in sample(judge, mutants, _SEED):
        tried = try_live(judge, shells[mutant.host], mutant)
        found += [tried] if tried is not None else []
        if len(found) == _MUTANTS:
            break
    yield found
    _, again = gathered(model, state)
    healed = fleets(model, again, judge.sound)
    assert all(judge.same(healed, host) for host in again)


def test_live_mutants_are_caught_and_named(judged: list[Judged]) -> None:
    assert [f"{each.fate.name}: {each.mutant}: {each.said}" for each in judged if each.fate is not Fate.NAMED] == []
    assert len(judged) == _MUTANTS
    assert {each.mutant.thing for each in judged} == set(THINGS)
