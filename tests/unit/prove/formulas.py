"""Rulesets as z3 formulas over bit vectors, straight from the syntax and without any of the diagrams' code.

Only flat chains that accept and drop are understood.
"""

import z3  # type: ignore[import-untyped]

from network.prove.semantics.layout import State
from network.prove.semantics.surroundings import Interfaces
from network.prove.syntax.types import (
    Accept,
    Address,
    AddressRange,
    Comment,
    ConnectionState,
    Drop,
    IcmpType,
    Interface,
    Match,
    Ports,
    Protocol,
    Rule,
    Ruleset,
    Side,
    TcpFlags,
)
from tests.unit.prove import generate

INTERFACES = Interfaces(generate.INTERFACES)
WIDTHS = {"proto": 8, "src": 32, "dst": 32, "sport": 16, "dport": 16, "flags": 6, "state": 3, "iif": 4}
MODULES = {"tcp": 6, "udp": 17, "icmp": 1}

P = {name: z3.BitVec(name, width) for name, width in WIDTHS.items()}


def between(name: str, first: int, last: int) -> z3.BoolRef:
    return z3.And(z3.UGE(P[name], first), z3.ULE(P[name], last))


def side(match_side: Side, kind: str) -> str:
    return ("s" if match_side is Side.SOURCE else "d") + kind


def condition(match: Match) -> z3.BoolRef:
    match match:
        case Address(end, prefix):
            found = P["src" if end is Side.SOURCE else "dst"] & prefix.mask == prefix.address
        case AddressRange(end, first, last):
            found = between("src" if end is Side.SOURCE else "dst", first, last)
        case Interface(_, name):
            matching = [n for n in INTERFACES.names if n.startswith(name.rstrip("+")) and ("+" in name or n == name)]
            found = z3.Or([P["iif"] == INTERFACES.number(each) for each in matching])
        case Protocol(number):
            found = P["proto"] == number
        case Ports(Side.EITHER, ranges):
            found = z3.Or([between(name, *ports) for ports in ranges for name in ("sport", "dport")])
        case Ports(end, ranges):
            found = z3.Or([between(side(end, "port"), *ports) for ports in ranges])
        case TcpFlags(mask, flags):
            found = P["flags"] & mask == flags
        case IcmpType(None):
            found = z3.BoolVal(True)
        case IcmpType(int(kind), first, last):
            found = between("dport", kind * 256 + first, kind * 256 + last)
        case ConnectionState(states):
            found = z3.Or([P["state"] == State[name] for name in states])
        case Comment():
            return z3.BoolVal(True)
        case _:
            raise NotImplementedError(match)
    return z3.Not(found) if match.negated else found


def rule_holds(rule: Rule) -> z3.BoolRef:
    parts = [condition(match) for match in rule.matches]
    for extension in rule.extensions:
        if extension.module in MODULES:
            parts.append(P["proto"] == MODULES[extension.module])
        elif extension.module == "multiport":
            parts.append(z3.Or([P["proto"] == number for number in (6, 17, 33, 132, 136)]))
    return z3.And(parts)


def accepts(ruleset: Ruleset, name: str) -> z3.BoolRef:
    """Give when the named chain of the filter table accepts."""
    chain = ruleset.tables["filter"].chains[name]
    verdict = z3.BoolVal(chain.policy == "ACCEPT")
    for rule in reversed(chain.rules):
        if isinstance(rule.action, Accept | Drop):
            verdict = z3.If(rule_holds(rule), z3.BoolVal(isinstance(rule.action, Accept)), verdict)
    return verdict
