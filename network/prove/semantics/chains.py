"""What a chain does with packets: a diagram whose leaves are the sets of its possible outcomes.

Usually one outcome is possible. Where a rule's condition is undecided (see `meaning`), both what follows from its
holding and what follows from its failing are: so "accepted surely" is the leaf with `ACCEPT` alone, and "accepted
perhaps" every leaf with `ACCEPT` in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from network.prove.engine.diagram import OTHER, Binary, Diagrams, Node, leaf
from network.prove.semantics.layout import sizes
from network.prove.semantics.meaning import Meaning, Reader, View
from network.prove.semantics.surroundings import Surroundings
from network.prove.syntax.types import (
    Accept,
    Action,
    Chain,
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
    Table,
    Unknown,
    Untrack,
)

ACCEPT = 1
DROP = 2
RETURN = 4
NEXT = 8
"""No rule decided: the packet falls off the chain's end."""
_HIDE = 4
ACCEPT_UNTRACKED = ACCEPT << _HIDE
RETURN_UNTRACKED = RETURN << _HIDE
NEXT_UNTRACKED = NEXT << _HIDE
"""As above, and a rule has hidden the packet from conntrack."""
_GOES_ON = NEXT | NEXT_UNTRACKED
_TRACKED = ACCEPT | RETURN | NEXT
_FIRST_TRANSLATION = 8

Translation = DestinationNat | SourceNat


def untracked(mask: int) -> int:
    """Give the outcomes of rules that meet a packet which an earlier rule has hidden from conntrack."""
    return (mask & ~_TRACKED) | (mask & _TRACKED) << _HIDE


def follow(first: int, second: int) -> int:
    """Give the outcomes of one list of rules followed by another."""
    result = first & ~_GOES_ON
    if first & NEXT:
        result |= second
    if first & NEXT_UNTRACKED:
        result |= untracked(second)
    return result


def jumped(mask: int) -> int:
    """Give what a jump to a chain with these outcomes comes to: where that chain returns, the next rule is tried."""
    return (mask & ~(RETURN | RETURN_UNTRACKED)) | (mask & (RETURN | RETURN_UNTRACKED)) << 1


def gone(mask: int) -> int:
    """Give what a goto comes to: where that chain does not decide, this one's caller goes on."""
    return (mask & ~_GOES_ON) | (mask & _GOES_ON) >> 1


class Space:
    """The diagrams of one family, the operations on outcomes, and the numbering of address translations.

    Rulesets read into one space can be compared: equal functions are equal nodes.
    """

    def __init__(self, family: int) -> None:
        self.family = family
        self.diagrams = Diagrams(sizes(family))
        self.translations: list[Translation] = []
        self._bits: dict[Translation, int] = {}
        operation = self.diagrams.operation
        self.follow = operation(_leads, _trails, follow)
        self.join = operation(_joined, _joined, lambda a, b: a | b)
        self.where = operation(lambda mask: OTHER if mask else leaf(0), lambda _: None, lambda a, b: b if a else 0)
        self.guard = operation(
            lambda mask: OTHER if mask else leaf(NEXT), lambda _: None, lambda a, b: b if a else NEXT
        )

    def _only_where(self, elsewhere: int) -> Binary:
        """Make the operation that gives a function's outcomes inside a set, and one fixed mask outside it."""

        def side(mask: int) -> Node:
            return OTHER if mask else leaf(elsewhere)

        return self.diagrams.operation(side, lambda _: None, lambda a, b: b if a else elsewhere)

    def bit(self, translation: Translation) -> int:
        """Give the bit that stands for a translation as an outcome; equal ones share it."""
        if translation not in self._bits:
            self._bits[translation] = 1 << (_FIRST_TRANSLATION + len(self.translations))
            self.translations.append(translation)
        return self._bits[translation]

    def translation(self, bit: int) -> Translation:
        """Give the translation of a bit."""
        return self.translations[bit.bit_length() - 1 - _FIRST_TRANSLATION]

    def possible(self, node: Node, outcomes: int) -> Node:
        """Give the packets that may meet one of some outcomes."""
        return self.diagrams.relabel(node, lambda mask: 1 if mask & outcomes else 0)

    def sure(self, node: Node, outcomes: int) -> Node:
        """Give the packets that can meet nothing but some outcomes."""
        return self.diagrams.relabel(node, lambda mask: 0 if mask & ~outcomes else 1)


def _leads(mask: int) -> Node | None:
    if not mask & _GOES_ON:
        return leaf(mask)
    return OTHER if mask == NEXT else None


def _trails(mask: int) -> Node | None:
    return OTHER if mask == NEXT else None


def _joined(mask: int) -> Node | None:
    return None if mask else OTHER


@dataclass(frozen=True)
class Approximation:
    """A rule whose condition or action is not expressed exactly."""

    table: str
    chain: str
    rule: Rule


class Semantics:
    """The chains of a ruleset as diagrams."""

    def __init__(self, space: Space, ruleset: Ruleset, surroundings: Surroundings) -> None:
        self.space = space
        self.ruleset = ruleset
        self.approximations: dict[tuple[str, str, int], Approximation] = {}
        actions = [rule.action for table in ruleset.tables.values() for rule in _rules(table)]
        targets = {action.target for action in actions if isinstance(action, Continue)}
        self._reader = Reader(
            space.diagrams, space.family, surroundings, _changed_sets(actions), bool(targets & {"TTL", "HL"})
        )
        self._chains: dict[tuple[str, str, View], Node] = {}
        self._hooks: dict[tuple[str, str, View], Node] = {}

    def hook(self, table: str, chain: str, view: View) -> Node:
        """Give the outcomes of a built-in chain, its policy included. A table that is not loaded accepts."""
        key = (table, chain, view)
        if key not in self._hooks:
            self._hooks[key] = self._hook(table, chain, view)
        return self._hooks[key]

    def _hook(self, table: str, chain: str, view: View) -> Node:
        loaded = self.ruleset.tables.get(table)
        if loaded is None or chain not in loaded.chains:
            return leaf(ACCEPT)
        policy = ACCEPT if loaded.chains[chain].policy == "ACCEPT" else DROP
        fate = self.space.diagrams.relabel(self._chain(loaded, chain, view), jumped)
        return self.space.follow(fate, leaf(policy))

    def _chain(self, table: Table, name: str, view: View) -> Node:
        key = (table.name, name, view)
        if key not in self._chains:
            chain = table.chains[name]
            self._chains[key] = self._fold([self._rule(table, chain, rule, view) for rule in chain.rules])
        return self._chains[key]

    def _fold(self, nodes: Sequence[Node]) -> Node:
        """Run rules one after another. Halves first: the operands stay small, and the result is the same."""
        if not nodes:
            return leaf(NEXT)
        if len(nodes) == 1:
            return nodes[0]
        middle = len(nodes) // 2
        return self.space.follow(self._fold(nodes[:middle]), self._fold(nodes[middle:]))

    def _rule(self, table: Table, chain: Chain, rule: Rule, view: View) -> Node:
        action = self._action(table, rule.action, view)
        if action == leaf(NEXT):
            return action
        condition = self._reader.rule(rule, view)
        diagrams = self.space.diagrams
        if not condition.others and action < 0 and not isinstance(rule.action, Unknown):
            return diagrams.box(condition.box, action, leaf(NEXT))
        lower = upper = diagrams.box(condition.box)
        for meaning in condition.others:
            lower = diagrams.intersect(lower, meaning.lower)
            upper = diagrams.intersect(upper, meaning.upper)
        if lower != upper or isinstance(rule.action, Unknown):
            self.approximations[table.name, chain.name, rule.line] = Approximation(table.name, chain.name, rule)
        return self._guarded(Meaning(lower, upper), action)

    def _guarded(self, condition: Meaning, action: Node) -> Node:
        space = self.space
        if condition.exact:
            return space.guard(condition.lower, action)
        perhaps = space.diagrams.relabel(action, lambda mask: mask | NEXT)
        never = space.where(space.diagrams.complement(condition.upper), leaf(NEXT))
        open_part = space.where(space.diagrams.difference(condition.upper, condition.lower), perhaps)
        return space.join(space.join(never, open_part), space.where(condition.lower, action))

    def _action(self, table: Table, action: Action, view: View) -> Node:
        match action:
            case Accept():
                node = leaf(ACCEPT)
            case Drop() | Reject():
                node = leaf(DROP)
            case Return():
                node = leaf(RETURN)
            case Continue():
                node = leaf(NEXT)
            case Untrack():
                node = leaf(NEXT_UNTRACKED)
            case Jump(chain):
                node = self.space.diagrams.relabel(self._chain(table, chain, view), jumped)
            case Goto(chain):
                node = self.space.diagrams.relabel(self._chain(table, chain, view), gone)
            case DestinationNat() | SourceNat():
                node = leaf(self.space.bit(action))
            case Unknown():
                node = leaf(ACCEPT | DROP | NEXT)
        return node


def _rules(table: Table) -> list[Rule]:
    return [rule for chain in table.chains.values() for rule in chain.rules]


def _changed_sets(actions: Sequence[Action]) -> frozenset[str]:
    """Give the sets that some rule adds to or deletes from."""
    changed: set[str] = set()
    for action in actions:
        if isinstance(action, Continue) and action.target == "SET":
            changed |= {
                name
                for option, name in zip(action.words, action.words[1:], strict=False)
                if option in {"--add-set", "--del-set", "--map-set"}
            }
    return frozenset(changed)


def meaning_of(space: Space, ruleset: Ruleset, surroundings: Surroundings) -> Mapping[tuple[str, str], Node]:
    """Give the outcomes of every built-in chain, as packets meet it that no earlier table has changed."""
    semantics = Semantics(space, ruleset, surroundings)
    return {
        (table.name, chain.name): semantics.hook(table.name, chain.name, View(tracked=table.name != "raw"))
        for table in ruleset.tables.values()
        for chain in table.chains.values()
        if chain.policy is not None
    }


def accepted(space: Space, node: Node) -> Meaning:
    """Give the packets that a hook surely and perhaps lets pass, tracked or not, translated or not."""
    return Meaning(space.sure(node, ~DROP), space.possible(node, ~DROP))
