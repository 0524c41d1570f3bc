"""The diagrams against z3, asked whether two small rulesets treat every packet alike.

Rules are given to z3 as formulas over bit vectors, straight from the syntax and without any of the diagrams' code.
"""

from random import Random

import pytest
import z3  # type: ignore[import-untyped]

from network.prove.engine.diagram import EMPTY
from network.prove.semantics.chains import Space, accepted, meaning_of
from network.prove.semantics.layout import Field, State
from network.prove.semantics.packet import Packet, packet_of
from network.prove.semantics.surroundings import Interfaces, Surroundings
from network.prove.semantics.trace import Interpreter
from network.prove.syntax.rules import parse_ruleset
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

STYLE = generate.Style(open_conditions=False, interfaces=True, connections=False, sets=False, host=False)
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


def accepts(ruleset: Ruleset) -> z3.BoolRef:
    """Give when the one chain accepts; its rules are flat."""
    chain = ruleset.tables["filter"].chains["INPUT"]
    verdict = z3.BoolVal(chain.policy == "ACCEPT")
    for rule in reversed(chain.rules):
        if isinstance(rule.action, Accept | Drop):
            verdict = z3.If(rule_holds(rule), z3.BoolVal(isinstance(rule.action, Accept)), verdict)
    return verdict


def flat(random: Random, rules: int) -> list[str]:
    """Give rules of one chain that only accept and drop."""
    text = ""
    while text.count("-A INPUT") < rules:
        text += generate.ruleset(random, STYLE, "filter", "INPUT", rules * 4)
    lines = [line for line in text.splitlines() if line.startswith("-A INPUT") and line.endswith(("ACCEPT", "DROP"))]
    return [line for line in lines if "ttl" not in line][:rules]


def ruleset(lines: list[str]) -> Ruleset:
    return parse_ruleset("\n".join(["*filter", ":INPUT DROP [0:0]", *lines, "COMMIT"]), 4, "random")


def compare(seed: int, rules: int) -> bool:
    """Hold two rulesets against one another, in both ways, and tell whether they are equal."""
    random = generate.seeded(seed)
    lines = flat(random, rules)
    other = list(lines)
    change = random.randrange(4)
    where = random.randrange(max(1, len(lines) - 1))
    if change == 0 and len(lines) > 1:
        other[where : where + 2] = reversed(other[where : where + 2])
    elif change == 1:
        other.append(random.choice(lines))
    elif change == 2:
        other.pop(where)
    else:
        other.insert(0, random.choice(lines))
    one, two = ruleset(lines), ruleset(other)
    space = Space(4)
    around = Surroundings(INTERFACES)
    in_one, in_two = (accepted(space, meaning_of(space, each, around)["filter", "INPUT"]).upper for each in (one, two))
    solver = z3.Solver()
    solver.add(z3.ULE(P["state"], 4), z3.ULE(P["iif"], len(INTERFACES.names)), P["iif"] > 0)
    solver.add(accepts(one) != accepts(two))
    differing = space.diagrams.union(
        space.diagrams.difference(in_one, in_two), space.diagrams.difference(in_two, in_one)
    )
    real = space.diagrams.intersect(differing, space.diagrams.box({Field.IIF: ((1, len(INTERFACES.names)),)}))
    assert (solver.check() == z3.unsat) == (real == EMPTY), "\n".join([*lines, "--", *other])
    witness = space.diagrams.witness(real)
    if witness is not None:
        check(packet_of(witness, 4, INTERFACES), one, two, around)
    return real == EMPTY


def check(packet: Packet, one: Ruleset, two: Ruleset, around: Surroundings) -> None:
    """See that z3 and the interpreter treat a witness differently in the two rulesets, too."""
    kinds = [{fate.kind for fate in Interpreter(each, around).fates("filter", "INPUT", packet)} for each in (one, two)]
    assert kinds[0] != kinds[1]
    values = {
        "proto": packet.protocol,
        "src": packet.src,
        "dst": packet.dst,
        "sport": packet.sport,
        "dport": packet.dport,
        "flags": packet.flags,
        "state": int(packet.state),
        "iif": INTERFACES.number(packet.iif),
    }
    point = [(P[name], z3.BitVecVal(value, WIDTHS[name])) for name, value in values.items()]
    verdicts = [z3.is_true(z3.simplify(z3.substitute(accepts(each), *point))) for each in (one, two)]
    assert [{"ACCEPT"} if verdict else {"DROP"} for verdict in verdicts] == kinds


def test_z3_and_diagrams_agree_on_equality() -> None:
    answers = {compare(seed, rules=6) for seed in range(40)}
    assert answers == {True, False}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 200))
def test_z3_and_diagrams_agree_on_longer_rulesets(seed: int) -> None:
    compare(seed, rules=25)
