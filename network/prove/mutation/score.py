"""How many mutants the proof catches and names, and that those which it passes change nothing at all."""

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from network.errors import UserError
from network.prove.fleet.snapshot import Snapshot, parse_snapshot
from network.prove.fleet.walk import Fleet
from network.prove.mutation.mutant import Mutant
from network.prove.proof import Proof, fleets, prove
from network.prove.semantics.layout import State
from network.prove.world import inside, own

_BATCH = 100
"""Mutants that one process judges: the diagrams only ever grow, and go with it."""


class Fate(Enum):
    """What became of a mutant. Only the last two are faults of the proof."""

    NAMED = "caught, and its counterexample names it"
    REFUSED = "refused: such an answer cannot be read, or goes beyond the model"
    EQUIVALENT = "shown to do the very same with every packet"
    UNNAMED = "caught, but no counterexample names it"
    SURVIVED = "holds, though the host does not do the same"


@dataclass(frozen=True)
class Judged:
    """A mutant's fate. `said` is what the counterexamples, or the refusal, named."""

    mutant: Mutant
    fate: Fate
    said: tuple[str, ...] = ()


class Judge:
    """Judges mutants against a fleet that holds."""

    def __init__(self, snapshots: Mapping[str, Snapshot], sound: Mapping[int, Fleet]) -> None:
        self.snapshots = snapshots
        self.sound = sound
        self.model = sound[4].model
        self._inside = {family: inside(self.model, family) for family in sound}
        self._behaviour = {
            (name, family): self._does(fleet, name) for family, fleet in sound.items() for name in fleet.machines
        }

    def judge(self, mutant: Mutant) -> Judged:
        """Say what becomes of a mutant."""
        host = mutant.host
        try:
            snapshot = parse_snapshot(mutant.text, host, self.snapshots[host].where)
            ill = fleets(self.model, {**self.snapshots, host: snapshot}, self.sound)
        except UserError as error:
            return _refused(mutant, error)
        # Kernel settings are claims of their own, beside what they do to packets now.
        if snapshot.kernel == self.snapshots[host].kernel and self.same(ill, host):
            return Judged(mutant, Fate.EQUIVALENT)
        return judged(mutant, prove(ill), lambda: self.same(ill, host))

    def same(self, ill: Mapping[int, Fleet], host: str) -> bool:
        """Tell whether a host does the very same with every packet, in every state, by every interface."""
        return all(self._does(fleet, host) == self._behaviour[host, family] for family, fleet in ill.items())

    def _does(self, fleet: Fleet, name: str) -> Mapping[tuple[str, str, State], object]:
        """Give what a host does with packets; but not what it says to itself in a family that it does not speak."""
        machine = fleet.machines[name]
        found = machine.behaviour(self._inside[fleet.family])
        if own(self.model.fleet.hosts[name], fleet.family):
            return found
        itself = {"", *(link.name for link in machine.host.snapshot.interfaces if link.loopback)}
        return {key: value for key, value in found.items() if key[0] not in itself or key[1] == "out"}


def judged(mutant: Mutant, proof: Proof, same: Callable[[], bool]) -> Judged:
    """Say what a proof makes of a mutant; `same` tells whether the host does the same with it."""
    if proof.holds:
        return Judged(mutant, Fate.EQUIVALENT if same() else Fate.SURVIVED)
    said = tuple(
        f"{story.cause.suspect}: {story.cause.sentence}" + (f" ({story.gap.note})" if story.gap.note else "")
        for story in proof.stories
        if story.confirmed
    )
    named = any(mutant.host in each and name in each for name in mutant.names for each in said)
    return Judged(mutant, Fate.NAMED if named else Fate.UNNAMED, tuple(dict.fromkeys(said)))


def _refused(mutant: Mutant, error: UserError) -> Judged:
    said = tuple(f"{problem.where}: {problem.found}" for problem in error.problems)
    return Judged(mutant, Fate.REFUSED if any(mutant.host in each for each in said) else Fate.UNNAMED, said)


def score(judge: Judge, mutants: Sequence[Mutant], processes: int | None = None) -> Iterator[Judged]:
    """Judge mutants in several processes. They are given as they are ready, in no order."""
    batches = [mutants[start : start + _BATCH] for start in range(0, len(mutants), _BATCH)]
    context = multiprocessing.get_context("fork")
    pool = context.Pool(processes or os.cpu_count(), _adopt, (judge, batches), maxtasksperchild=1)
    with pool:
        for found in pool.imap_unordered(_judge_batch, range(len(batches))):
            yield from found


_adopted: list[tuple[Judge, Sequence[Sequence[Mutant]]]] = []
"""In a process of the pool: what it was forked with, for fleets are too large to be sent."""


def _adopt(judge: Judge, batches: Sequence[Sequence[Mutant]]) -> None:
    _adopted[:] = [(judge, batches)]


def _judge_batch(number: int) -> list[Judged]:
    judge, batches = _adopted[0]
    return [judge.judge(mutant) for mutant in batches[number]]


@dataclass(frozen=True)
class Row:
    """The score of one kind of mutant, or of all."""

    kind: str
    fates: Mapping[Fate, int]

    @property
    def all(self) -> int:
        """How many there were."""
        return sum(self.fates.values())

    @property
    def caught(self) -> int:
        """How many broke a claim or were refused."""
        return self.all - self.fates.get(Fate.EQUIVALENT, 0) - self.fates.get(Fate.SURVIVED, 0)

    @property
    def missed(self) -> int:
        """How many the proof failed on."""
        return self.fates.get(Fate.UNNAMED, 0) + self.fates.get(Fate.SURVIVED, 0)


def rows(found: Sequence[Judged]) -> list[Row]:
    """Count by kind, and in the end over all."""
    kinds = dict.fromkeys(sorted(each.mutant.kind for each in found))
    counted = [Row(kind, Counter(each.fate for each in found if each.mutant.kind == kind)) for kind in kinds]
    return [*counted, Row("all", Counter(each.fate for each in found))]
