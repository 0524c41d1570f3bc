"""Real dumps keep their meaning when they are printed back, and when they are changed in ways that mean nothing."""

import os
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
from tests.unit.prove.test_syntax import CASES, CORPUS

DUMPS = [*CORPUS, CASES / "printed" / "containers.v4"]


def read(path: Path) -> Ruleset:
    return parse_ruleset(path.read_text(), 4, path.name)


def equal(one: Ruleset, two: Ruleset) -> bool:
    space, around = Space(4), Surroundings(interfaces_named([one, two]))
    return meaning_of(space, one, around) == meaning_of(space, two, around)


@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.stem)
def test_printing_keeps_the_meaning(path: Path) -> None:
    ruleset = read(path)
    assert equal(ruleset, parse_ruleset(print_ruleset(ruleset), 4, "printed"))


@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.stem)
def test_repeating_a_verdict_keeps_the_meaning_and_turning_a_policy_does_not(path: Path) -> None:
    ruleset = read(path)
    lines = print_ruleset(ruleset).splitlines()
    doubled = [line for line in lines for _ in range(2 if line.endswith(("-j ACCEPT", "-j DROP")) else 1)]
    assert equal(ruleset, parse_ruleset("\n".join(doubled), 4, "doubled"))
    turned = [line.replace(":FORWARD DROP", ":FORWARD ACCEPT") for line in lines]
    if turned != lines:
        other = parse_ruleset("\n".join(turned), 4, "turned")
        last = ruleset.tables["filter"].chains["FORWARD"].rules[-1:]
        decided = any(not rule.matches and isinstance(rule.action, Accept | Drop | Reject) for rule in last)
        assert equal(ruleset, other) == decided


@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.stem)
def test_interpreter_and_diagrams_agree(path: Path) -> None:
    ruleset = read(path)
    space, around = Space(4), Surroundings(interfaces_named([ruleset]))
    semantics, interpreter = Semantics(space, ruleset, around), Interpreter(ruleset, around)
    random = generate.seeded(5)
    names = [name for name in around.interfaces.names if not name.endswith("+")] or ["+"]
    for table, hook in (("filter", "INPUT"), ("filter", "FORWARD"), ("nat", "POSTROUTING"), ("nat", "PREROUTING")):
        node = semantics.hook(table, hook, View())
        for _ in range(60):
            drawn = generate.packet(random, 4, hook)
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
    family = 6 if path.suffix == ".v6" else 4
    printed = print_ruleset(parse_ruleset(path.read_text(), family, path.name))
    program = "ip6tables-restore" if family == 6 else "iptables-restore"
    done = subprocess.run(
        ["unshare", "--net", program, "--test"], input=printed, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.kernel
@pytest.mark.skipif(os.geteuid() != 0, reason="loading rules needs root")
def test_what_the_kernel_prints_is_read_and_loads_as_the_same_rules() -> None:
    """Rules in the manner of Kubernetes, Calico, ufw, fail2ban and libvirt, with most modules and their negations."""
    dump = loaded((CASES / "loaded.v4").read_text())
    ruleset = parse_ruleset(dump, 4, "iptables-save")
    printed = print_ruleset(ruleset)
    assert rules(printed) == rules(dump)
    assert rules(loaded(printed)) == rules(dump)
    assert equal(ruleset, parse_ruleset(printed, 4, "printed"))


def loaded(text: str) -> str:
    """Load rules in a network namespace of their own, and give what iptables-save then prints."""
    script = "ipset create hosts hash:ip && iptables-restore && iptables-save"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def rules(dump: str) -> list[str]:
    return [line for line in dump.splitlines() if not line.startswith("#")]
