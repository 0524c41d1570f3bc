"""A direct interpreter of rules for one packet: which rules it meets, and which one decides.

It is written apart from the diagrams, from the rules' text alone, so that each can be held against the other: every
counterexample of the proof is run through it, and the tests run random packets through both.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from network.prove.semantics.judge import Judge, Truth
from network.prove.semantics.packet import Packet
from network.prove.semantics.surroundings import Surroundings
from network.prove.syntax.types import (
    Accept,
    Continue,
    DestinationNat,
    Drop,
    Goto,
    Jump,
    Reject,
    Return,
    Rule,
    Ruleset,
    SourceNat,
    Unknown,
    Untrack,
)


@dataclass(frozen=True)
class Fate:
    """How a built-in chain can end for a packet: ACCEPT, DROP or a translation."""

    kind: str
    untracked: bool = False
    translation: DestinationNat | SourceNat | None = None


@dataclass(frozen=True)
class Visit:
    """A rule whose conditions the packet met, or may have met."""

    table: str
    chain: str
    rule: Rule
    sure: bool


@dataclass(frozen=True)
class Decision:
    """What a built-in chain did with a packet. `by` is None where the chain's policy decided."""

    table: str
    chain: str
    fate: Fate
    by: Rule | None
    visits: tuple[Visit, ...]


_NEXT = Fate("NEXT")
_RETURN = Fate("RETURN")


class Interpreter:
    """Runs packets through a ruleset."""

    def __init__(self, ruleset: Ruleset, surroundings: Surroundings) -> None:
        self.ruleset = ruleset
        self.judge = Judge(ruleset, surroundings)

    def fates(self, table: str, chain: str, packet: Packet) -> frozenset[Fate]:
        """Give every way in which a built-in chain may end."""
        loaded = self.ruleset.tables.get(table)
        if loaded is None or chain not in loaded.chains:
            return frozenset({Fate("ACCEPT")})
        return _Run(self, table, packet).hook(chain)

    def decide(self, table: str, chain: str, packet: Packet, wanted: str = "ACCEPT") -> Decision:
        """Run a packet through a built-in chain. Where a condition is open, take the branch that may end as wanted."""
        loaded = self.ruleset.tables.get(table)
        if loaded is None or chain not in loaded.chains:
            return Decision(table, chain, Fate("ACCEPT"), None, ())
        return _Run(self, table, packet).walk(chain, wanted)


class _Run:
    """One packet in one table."""

    def __init__(self, interpreter: Interpreter, table: str, packet: Packet) -> None:
        self.interpreter = interpreter
        self.table = interpreter.ruleset.tables[table]
        self.packet = packet
        self._known: dict[tuple[str, int], frozenset[Fate]] = {}
        self._truths: dict[tuple[str, int], Truth] = {}

    def hook(self, chain: str) -> frozenset[Fate]:
        """Give the fates of a built-in chain, its policy applied."""
        policy = self.table.chains[chain].policy or ""
        return frozenset(
            Fate(policy, fate.untracked and policy == "ACCEPT") if fate.kind in {"NEXT", "RETURN"} else fate
            for fate in self._from(chain, 0)
        )

    def _truth(self, chain: str, index: int) -> Truth:
        key = (chain, index)
        if key not in self._truths:
            rule = self.table.chains[chain].rules[index]
            self._truths[key] = self.interpreter.judge.holds(rule, self.packet, self.table.name)
        return self._truths[key]

    def _from(self, chain: str, index: int) -> frozenset[Fate]:
        """Give the fates of a chain from its rule number `index` on."""
        rules = self.table.chains[chain].rules
        while index < len(rules) and self._truth(chain, index) is False:
            index += 1
        if index == len(rules):
            return frozenset({_NEXT})
        key = (chain, index)
        if key not in self._known:
            truth = self._truth(chain, index)
            fates = set(self._after(chain, index))
            if truth is None:
                fates |= self._from(chain, index + 1)
            self._known[key] = frozenset(fates)
        return self._known[key]

    def _after(self, chain: str, index: int) -> Iterator[Fate]:
        """Give the fates once the rule's conditions have been met."""
        for fate in self._of_action(chain, index):
            if fate.kind != "NEXT":
                yield fate
                continue
            for later in self._from(chain, index + 1):
                hidden = (fate.untracked or later.untracked) and later.kind != "DROP"
                yield Fate(later.kind, hidden, later.translation)

    def _of_action(self, chain: str, index: int) -> frozenset[Fate]:
        """Give what the rule's action alone comes to; NEXT where this chain goes on behind it."""
        action = self.table.chains[chain].rules[index].action
        fates: frozenset[Fate]
        match action:
            case Accept():
                fates = frozenset({Fate("ACCEPT")})
            case Drop() | Reject():
                fates = frozenset({Fate("DROP")})
            case Return():
                fates = frozenset({_RETURN})
            case Continue():
                fates = frozenset({_NEXT})
            case Untrack():
                fates = frozenset({Fate("NEXT", untracked=True)})
            case DestinationNat() | SourceNat():
                fates = frozenset({Fate("NAT", translation=action)})
            case Unknown():
                fates = frozenset({Fate("ACCEPT"), Fate("DROP"), _NEXT})
            case Jump(called):
                fates = frozenset(_renamed(fate, {"RETURN": "NEXT"}) for fate in self._from(called, 0))
            case Goto(called):
                fates = frozenset(_renamed(fate, {"NEXT": "RETURN"}) for fate in self._from(called, 0))
        return fates

    # The way that leads to a wanted fate.

    def walk(self, chain: str, wanted: str) -> Decision:
        """Follow one way through a built-in chain."""
        visits: list[Visit] = []
        policy = self.table.chains[chain].policy or ""
        fate = self._follow(chain, {wanted} | ({"NEXT", "RETURN"} if policy == wanted else set()), visits)
        if fate.kind in {"NEXT", "RETURN"}:
            ending = Fate(policy, fate.untracked and policy == "ACCEPT")
            return Decision(self.table.name, chain, ending, None, tuple(visits))
        return Decision(self.table.name, chain, fate, visits[-1].rule, tuple(visits))

    def _follow(self, chain: str, wanted: set[str], visits: list[Visit]) -> Fate:
        """Follow a chain to its end, recording the rules met. `wanted` are the kinds of end to look for."""
        hidden = False
        for index, rule in enumerate(self.table.chains[chain].rules):
            truth = self._truth(chain, index)
            if truth is False:
                continue
            if truth is None and not wanted & {fate.kind for fate in self._after(chain, index)}:
                continue
            visits.append(Visit(self.table.name, chain, rule, truth is True))
            fate = self._enter(chain, index, wanted, visits)
            hidden |= fate.untracked
            if fate.kind != "NEXT":
                return Fate(fate.kind, hidden and fate.kind != "DROP", fate.translation)
        return Fate("NEXT", hidden)

    def _enter(self, chain: str, index: int, wanted: set[str], visits: list[Visit]) -> Fate:
        action = self.table.chains[chain].rules[index].action
        if isinstance(action, Jump | Goto):
            later = {"RETURN"} if isinstance(action, Goto) else {fate.kind for fate in self._from(chain, index + 1)}
            inner = (wanted - {"NEXT", "RETURN"}) | ({"NEXT", "RETURN"} if wanted & later else set())
            fate = self._follow(action.chain, inner, visits)
            return _renamed(fate, {"NEXT": "RETURN"} if isinstance(action, Goto) else {"RETURN": "NEXT"})
        fates = self._of_action(chain, index)
        return next((fate for fate in fates if fate.kind in wanted), next(iter(sorted(fates, key=lambda f: f.kind))))


def _renamed(fate: Fate, kinds: dict[str, str]) -> Fate:
    return Fate(kinds.get(fate.kind, fate.kind), fate.untracked, fate.translation)
