"""Rulesets in other engines: binary decision diagrams of the library CUDD, and z3's formulas.

CUDD's variables are the bits of protocol, destination, destination port and source, in the order of our own fields.
"""

from dataclasses import dataclass, field
from typing import Any

from network.prove.syntax.types import Accept, Address, Match, Ports, Protocol, Rule, Ruleset, Side

WIDTHS = {"proto": 8, "dst": 32, "dport": 16, "src": 32}
CHAIN = "FORWARD"


@dataclass
class Cudd:
    """One manager of CUDD's diagrams."""

    manager: Any = field(init=False)
    bits: dict[str, list[Any]] = field(init=False)

    def __post_init__(self) -> None:
        from dd.cudd import BDD

        self.manager = BDD()
        self.manager.configure(reordering=False)
        self.bits = {}
        for name, width in WIDTHS.items():
            names = [f"{name}{number}" for number in range(width)]
            self.manager.declare(*names)
            self.bits[name] = [self.manager.var(each) for each in names]

    def accepts(self, ruleset: Ruleset) -> Any:
        """Give the packets that the chain accepts; its rules only accept and drop."""
        chain = ruleset.tables["filter"].chains[CHAIN]
        found = self.manager.true if chain.policy == "ACCEPT" else self.manager.false
        for rule in reversed(chain.rules):
            verdict = self.manager.true if isinstance(rule.action, Accept) else self.manager.false
            found = self.manager.ite(self.rule(rule), verdict, found)
        return found

    def rule(self, rule: Rule) -> Any:
        """Give the packets that match a rule. Raises NotImplementedError for matches that are not compared."""
        found = self.manager.true
        for match in rule.matches:
            found &= self.condition(match)
        return found

    def condition(self, match: Match) -> Any:
        """Give the packets that match. Raises NotImplementedError for matches that are not compared."""
        match match:
            case Address(side, prefix, negated=False):
                name = "src" if side is Side.SOURCE else "dst"
                return self.between(name, prefix.address, prefix.address | (~prefix.mask & 0xFFFFFFFF))
            case Protocol(number, negated=False):
                return self.between("proto", number, number)
            case Ports(Side.DESTINATION, ((first, last),), negated=False):
                return self.between("dport", first, last)
        raise NotImplementedError(match)

    def between(self, name: str, first: int, last: int) -> Any:
        """Give the packets whose field is from `first` to `last`."""
        return self._at_least(name, first) & ~self._at_least(name, last + 1)

    def _at_least(self, name: str, least: int) -> Any:
        width = WIDTHS[name]
        if least >= 1 << width:
            return self.manager.false
        found = self.manager.true
        for place, bit in enumerate(reversed(self.bits[name])):
            found = bit & found if least >> place & 1 else bit | found
        return found


def z3_equal(one: Ruleset, two: Ruleset, milliseconds: int) -> bool | None:
    """Ask z3 whether two rulesets accept the same packets. None means that it had not found out in time."""
    import z3  # type: ignore[import-untyped]

    from tests.unit.prove.formulas import accepts

    solver = z3.Solver()
    solver.set("timeout", milliseconds)
    solver.add(accepts(one, CHAIN) != accepts(two, CHAIN))
    answer = solver.check()
    return None if answer == z3.unknown else bool(answer == z3.unsat)


def z3_meets(ruleset: Ruleset, packets: dict[str, tuple[int, int]], milliseconds: int) -> bool | None:
    """Ask z3 whether a ruleset accepts any of the packets with fields in these spans. None: no answer in time."""
    import z3

    from tests.unit.prove.formulas import accepts, between

    solver = z3.Solver()
    solver.set("timeout", milliseconds)
    solver.add(accepts(ruleset, CHAIN), *(between(name, *span) for name, span in packets.items()))
    answer = solver.check()
    return None if answer == z3.unknown else bool(answer == z3.sat)
