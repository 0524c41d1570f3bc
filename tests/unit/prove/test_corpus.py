"""Real dumps keep their meaning when they are printed back, and when they are changed in ways that mean nothing."""

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from network.prove.engine.diagram import EMPTY
from network.prove.semantics.chains import Semantics, Space, accepted, meaning_of
from network.prove.semantics.meaning import View
from network.prove.semantics.surroundings import Surroundings, interfaces_named
from network.prove.semantics.trace import Interpreter
from network.prove.syntax.rules import parse_ruleset
from network.prove.syntax.text import print_ruleset
from network.prove.syntax.types import Accept, Drop, Reject, Ruleset
from tests.unit.prove import generate
from tests.unit.prove.test_semantics import mask_of, values_of
from tests.unit.prove.test_syntax import CASES, CORPUS, TOOLS, family

DUMPS = [*CORPUS, *TOOLS, CASES / "printed" / "containers.v4"]


def read(path: Path) -> Ruleset:
    return parse_ruleset(path.read_text(), family(path), path.name)


def equal(one: Ruleset, two: Ruleset, family: int) -> bool:
    space, around = Space(family), Surroundings(interfaces_named([one, two]))
    return meaning_of(space, one, around) == meaning_of(space, two, around)


@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.name)
def test_printing_keeps_the_meaning(path: Path) -> None:
    ruleset = read(path)
    assert equal(ruleset, parse_ruleset(print_ruleset(ruleset), family(path), "printed"), family(path))


@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.name)
def test_repeating_a_verdict_keeps_the_meaning(path: Path) -> None:
    ruleset = read(path)
    lines = print_ruleset(ruleset).splitlines()
    doubled = [line for line in lines for _ in range(2 if line.endswith(("-j ACCEPT", "-j DROP")) else 1)]
    assert equal(ruleset, parse_ruleset("\n".join(doubled), family(path), "doubled"), family(path))


@pytest.mark.parametrize("path", [path for path in DUMPS if path not in TOOLS], ids=lambda path: path.name)
def test_turning_a_policy_changes_the_meaning(path: Path) -> None:
    ruleset = read(path)
    lines = print_ruleset(ruleset).splitlines()
    turned = [line.replace(":FORWARD DROP", ":FORWARD ACCEPT") for line in lines]
    if turned != lines:
        other = parse_ruleset("\n".join(turned), family(path), "turned")
        last = ruleset.tables["filter"].chains["FORWARD"].rules[-1:]
        decided = any(not rule.matches and isinstance(rule.action, Accept | Drop | Reject) for rule in last)
        assert equal(ruleset, other, family(path)) == decided


@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.name)
def test_interpreter_and_diagrams_agree(path: Path) -> None:
    ruleset = read(path)
    space, around = Space(family(path)), Surroundings(interfaces_named([ruleset]))
    semantics, interpreter = Semantics(space, ruleset, around), Interpreter(ruleset, around)
    random = generate.seeded(5)
    names = [name for name in around.interfaces.names if not name.endswith("+")] or ["+"]
    for table, hook in (("filter", "INPUT"), ("filter", "FORWARD"), ("nat", "POSTROUTING"), ("nat", "PREROUTING")):
        node = semantics.hook(table, hook, View())
        for _ in range(60):
            drawn = generate.packet(random, family(path), hook)
            iif, oif = (random.choice(names) if each else "" for each in (drawn.iif, drawn.oif))
            packet = replace(drawn, iif=iif, oif=oif)
            expected = mask_of(space, interpreter.fates(table, hook, packet))
            assert space.diagrams.mask(node, values_of(packet, around.interfaces)) == expected


def test_what_is_not_modelled_is_bounded_on_both_sides() -> None:
    rules = "-A INPUT -p tcp -m limit --limit 3/min -j ACCEPT\n-A INPUT -p udp -j ACCEPT\n"
    ruleset = parse_ruleset(f"*filter\n:INPUT DROP [0:0]\n{rules}COMMIT\n", 4, "dump")
    space, around = Space(4), Surroundings(interfaces_named([ruleset]))
    semantics = Semantics(space, ruleset, around)
    passed = accepted(space, semantics.hook("filter", "INPUT", View()))
    tcp, udp = (space.diagrams.box({3: ((number, number),)}) for number in (6, 17))
    assert passed.lower == udp
    assert passed.upper == space.diagrams.union(tcp, udp)
    assert space.diagrams.intersect(passed.lower, tcp) == EMPTY
    assert [each.rule.line for each in semantics.approximations.values()] == [3]


@pytest.mark.kernel
@pytest.mark.skipif(os.geteuid() != 0, reason="loading rules needs root")
@pytest.mark.parametrize("path", [*CORPUS, CASES / "printed" / "modules.v6"], ids=lambda path: path.stem)
def test_iptables_takes_what_is_printed(path: Path) -> None:
    printed = print_ruleset(read(path))
    program = "ip6tables-restore" if family(path) == 6 else "iptables-restore"
    done = subprocess.run(
        ["unshare", "--net", program, "--test"], input=printed, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.kernel
@pytest.mark.skipif(os.geteuid() != 0, reason="loading rules needs root")
def test_what_the_kernel_prints_is_read_and_loads_as_the_same_rules() -> None:
    """Rules in the manner of Kubernetes, Calico, ufw, fail2ban and libvirt, with most modules and their negations."""
    sets = "create hosts hash:ip\n"
    dump = loaded((CASES / "loaded.v4").read_text(), 4, sets)
    ruleset = parse_ruleset(dump, 4, "iptables-save")
    printed = print_ruleset(ruleset)
    assert rules(printed) == rules(dump)
    assert rules(loaded(printed, 4, sets)) == rules(dump)
    assert equal(ruleset, parse_ruleset(printed, 4, "printed"), 4)


@pytest.mark.kernel
@pytest.mark.skipif(os.geteuid() != 0, reason="loading rules needs root")
@pytest.mark.parametrize("path", TOOLS, ids=lambda path: path.name)
def test_what_tools_load_comes_back_as_the_same_rules(path: Path) -> None:
    sets = path.with_suffix(".ipset")
    printed = print_ruleset(read(path))
    dump = loaded(printed, family(path), sets.read_text() if sets.exists() else "")
    assert by_table(dump) == by_table(path.read_text())
    assert equal(read(path), parse_ruleset(dump, family(path), "loaded"), family(path))


def loaded(text: str, family: int, sets: str) -> str:
    """Test and load rules in a network namespace of their own, and give what iptables-save then prints."""
    program = "ip6tables" if family == 6 else "iptables"
    script = (
        'echo "$2" | ipset restore && rules=$(cat) && echo "$rules" | $1-restore --test && echo "$rules" | $1-restore '
        "&& $1-save"
    )
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script, "sh", program, sets],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def by_table(dump: str) -> list[str]:
    """Give the tables without counters; iptables of the older kind prints them in another order."""
    plain = re.sub(r" \[\d+:\d+\]", "", "\n".join(rules(dump)))
    return sorted(table.strip() for table in plain.split("COMMIT"))


def rules(dump: str) -> list[str]:
    return [line.rstrip() for line in dump.splitlines() if not line.startswith("#")]
