"""A table of iptables as text for iptables-restore, and the writing of rules into its chains as decision trees."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2
from typing import Final

from network.compile.addresses import Addresses, union
from network.compile.match import Matches
from network.compile.names import Names
from network.compile.rule import Rule
from network.compile.tree import UDP, Box, Leaf, Node, build, depth

VISITED: Final = 20
"""The most rules of a table that a packet which opens a connection may meet on a host, in built-in and own chains."""

LONGEST: Final = 28
"""The most characters of a chain's name (XT_EXTENSION_MAXNAMELEN is 29 with the terminating zero)."""

Target = Callable[[Rule], str]
"""Writes what is done with the packets of a rule: match, comment and verdict."""


class Table:
    """The chains of one table. The built-in ones come first in the text, the others follow by name."""

    def __init__(self, name: str, policies: Mapping[str, str]) -> None:
        self.name = name
        self._policies = policies
        self._names = Names(LONGEST)
        self.chains: dict[str, list[str]] = {self._names.new("", chain): [] for chain in policies}

    def new(self, name: str) -> str:
        """Return a new, empty chain; a name that is taken gets a number."""
        chain = self._names.new("", name)
        self.chains[chain] = []
        return chain

    def add(self, chain: str, *parts: str) -> None:
        """Append a rule to a chain."""
        self.chains[chain].append(" ".join(part for part in parts if part))

    def text(self) -> str:
        """Return the table from its name to COMMIT. Restoring it replaces whatever stood in it."""
        order = [*self._policies, *sorted(chain for chain in self.chains if chain not in self._policies)]
        return "\n".join(
            (
                f"*{self.name}",
                *(f":{chain} {self._policies.get(chain, '-')} [0:0]" for chain in order),
                *(f"-A {chain} {rule}" for chain in order for rule in self.chains[chain]),
                "COMMIT\n",
            )
        )


@dataclass(frozen=True)
class Group:
    """The rules for packets from one zone."""

    zone: str
    source: Addresses
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class _Fork:
    """A test whether the packet comes from the zones of `yes`."""

    yes: "_Forks"
    no: "_Forks"


_Forks = Group | _Fork


class Writer:
    """Writes rules into the chains of one table as decision trees.

    Chains are entered by goto, so a packet that no rule takes returns to where the whole tree was called from.
    """

    def __init__(self, table: Table, matches: Matches, target: Target) -> None:
        self._table = table
        self._matches = matches
        self._target = target
        self._numbers: dict[str, int] = {}

    def tree(self, chain: str, rules: Sequence[Rule], budget: int) -> None:
        """Write rules into a chain, so that a packet meets at most `budget` of them."""
        self._node(self._build(rules, budget), rules, chain, chain)

    def by_zone(
        self, chain: str, groups: Sequence[Group], budget: int, over_zones: Callable[[], Sequence[Rule]]
    ) -> None:
        """Write a chain that sends packets to one chain per zone, so that a packet meets at most `budget` rules.

        The zones stand one after the other if the budget allows it, else they are forked. If that is too deep as well,
        rules are asked for that do not speak of zones.
        """
        if self._row(chain, groups, budget):
            return
        forks = _balanced(groups)
        if max(level + _expected(len(group.rules)) for group, level in _levels(forks)) > budget:
            self.tree(chain, over_zones(), budget)
        else:
            self._forks(forks, chain, chain, budget)

    def _row(self, chain: str, groups: Sequence[Group], budget: int) -> bool:
        """Write the zones one after the other, if the budget allows it. Tell whether it does."""
        if any(index + _expected(len(group.rules)) > budget for index, group in enumerate(groups, start=1)):
            return False
        nodes = [self._build(group.rules, budget - index) for index, group in enumerate(groups, start=1)]
        if any(index + depth(node) > budget for index, node in enumerate(nodes, start=1)):
            return False
        for group, node in zip(groups, nodes, strict=True):
            self._node(node, group.rules, self._goto(chain, (group,), f"{chain}-{group.zone}"), None)
        return True

    def _build(self, rules: Sequence[Rule], budget: int) -> Node:
        return build([self._box(rule) for rule in rules], budget)

    def _box(self, rule: Rule) -> Box:
        bits = 32 if self._matches.version == 4 else 128
        base = UDP if rule.ports.protocol == "udp" else 0
        return Box(
            rule.source.spans(bits),
            rule.destination.spans(bits),
            tuple((base + first, base + last) for first, last in rule.ports.spans),
            rule.source.outside,
            rule.destination.outside,
            rule.sent_to,
        )

    def _node(self, node: Node, rules: Sequence[Rule], chain: str, family: str | None) -> None:
        """Write a node into a chain; the yes side of each test gets its own, named after the family."""
        family = family or chain
        while not isinstance(node, Leaf):
            if isinstance(node.yes, Leaf) and len(node.yes.rules) == 1:
                # The rule is its own test, and no packet meets more for it: those that fail it are refused further on.
                self._table.add(chain, self._target(rules[node.yes.rules[0]]))
                node = node.no
                continue
            child = self._numbered(family)
            self._table.add(chain, self._matches.test(node.test, child), f"-g {child}")
            self._node(node.yes, rules, child, family)
            node = node.no
        for number in node.rules:
            self._table.add(chain, self._target(rules[number]))

    def _forks(self, forks: _Forks, chain: str, family: str, budget: int) -> None:
        """Write forks into a chain, and the rules of the zones at their ends."""
        while isinstance(forks, _Fork):
            zones = _zones(forks.yes)
            name = f"{family}-{zones[0].zone if len(zones) == 1 else 'zones'}"
            budget -= 1
            self._forks(forks.yes, self._goto(chain, zones, name), family, budget)
            forks = forks.no
        self._node(self._build(forks.rules, budget), forks.rules, chain, f"{family}-{forks.zone}")

    def _goto(self, chain: str, zones: Sequence[Group], name: str) -> str:
        """Send packets from some zones to a new chain."""
        child = self._table.new(name)
        sources = union(zone.source for zone in zones)
        label = f"zone-{zones[0].zone}" if len(zones) == 1 else child
        self._table.add(chain, self._matches.addresses("source", sources, label), f"-g {child}")
        return child

    def _numbered(self, family: str) -> str:
        number = self._numbers[family] = self._numbers.get(family, 0) + 1
        return self._table.new(f"{family}-{number}")


def _balanced(groups: Sequence[Group]) -> _Forks:
    """Forks whose deepest end is as near as can be: the two shallowest are joined, again and again (Golumbic 1976).

    What comes from outside is always on the no side, for no test lists it.
    """
    waiting: list[tuple[int, int, _Forks]] = [
        (_expected(len(group.rules)), number, group) for number, group in enumerate(groups)
    ]
    while len(waiting) > 1:
        waiting.sort(key=lambda each: each[:2])
        (_, number, one), (deeper, _, other), *rest = waiting
        yes, no = (other, one) if any(zone.source.outside for zone in _zones(one)) else (one, other)
        waiting = [*rest, (deeper + 1, number, _Fork(yes, no))]
    return waiting[0][2]


def _levels(forks: _Forks, level: int = 0) -> Iterator[tuple[Group, int]]:
    """Yield the groups with the number of tests before them, in the order in which they are written."""
    if isinstance(forks, Group):
        yield forks, level
    else:
        yield from _levels(forks.yes, level + 1)
        yield from _levels(forks.no, level + 1)


def _expected(rules: int) -> int:
    """Return how deep the tree for so many rules is at best."""
    return min(rules, ceil(log2(rules)) + 1) if rules else 0


def _zones(forks: _Forks) -> tuple[Group, ...]:
    return (forks,) if isinstance(forks, Group) else (*_zones(forks.yes), *_zones(forks.no))
