"""What a rule's meaning depends on beside its text: interfaces, named sets, the host's own addresses and routes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from network.prove.engine.intervals import Intervals, union
from network.prove.syntax.sets import Sets
from network.prove.syntax.types import Interface, Ruleset


@dataclass(frozen=True)
class Interfaces:
    """The interfaces that packets can come by, numbered from 1. 0 is no interface.

    A name that ends in ``+`` stands for every interface whose name begins so and which no other entry names or, being
    longer, covers.
    """

    names: tuple[str, ...]

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {name: number for number, name in enumerate(self.names, 1)}

    def number(self, name: str) -> int:
        """Give an interface's number."""
        return self._numbers[name]

    def name(self, number: int) -> str:
        """Give an interface's name; the empty one for none."""
        return self.names[number - 1] if number else ""

    def matching(self, pattern: str) -> Intervals:
        """Give the numbers of the interfaces that a rule's ``-i`` or ``-o`` matches, if it is not negated."""
        if not pattern.endswith("+"):
            number = self._numbers.get(pattern)
            return () if number is None else ((number, number),)
        start = pattern[:-1]
        found = union((number, number) for number, name in enumerate(self.names, 1) if name.startswith(start))
        return union(((0, 0), *found)) if not start else found


def interfaces_named(rulesets: Iterable[Ruleset]) -> Interfaces:
    """Tell apart every interface that some rule can tell apart, for rulesets whose host is not at hand."""
    names = {
        match.name
        for ruleset in rulesets
        for table in ruleset.tables.values()
        for chain in table.chains.values()
        for rule in chain.rules
        for match in rule.header
        if isinstance(match, Interface)
    }
    return Interfaces(tuple(sorted(names | {"+"})))


@dataclass(frozen=True)
class Surroundings:
    """A host as its rules see it, in one family. What is None is not known, and conditions on it are undecided.

    `local` and `broadcast` are the host's own addresses and its segments' broadcast addresses. `strict` gives, for each
    interface, the sources to which the route leads out by that interface; `loose` those to which any route leads.
    `loopback` are the numbers of loopback interfaces.
    """

    interfaces: Interfaces
    sets: Sets = field(default_factory=dict)
    local: Intervals | None = None
    broadcast: Intervals | None = None
    strict: Mapping[int, Intervals] | None = None
    loose: Intervals | None = None
    loopback: Intervals = ()
