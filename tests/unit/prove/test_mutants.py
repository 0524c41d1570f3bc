"""Every change of what is loaded that changes what gets through breaks a claim, and the counterexample names it."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from network.errors import UserError
from network.prove.fleet.snapshot import parse_snapshot
from network.prove.fleet.walk import Fleet
from network.prove.proof import fleets, prove
from tests.unit.prove import fleets as made
from tests.unit.prove.test_snapshot import lab

WIDER = (
    r"( !)? -s \S+",
    r"( !)? -d \S+",
    r" -m set (! )?--match-set \S+ \S+",
    r" --ctorigdst \S+",
    r" --ctorigdstport \S+",
    r" -p \S+ -m \S+ --dport \S+",
    r" -m conntrack --ctstate NEW(?= -m)",
    r" -i \S+",
    r" -o \S+",
)


@dataclass(frozen=True)
class Mutant:
    """A changed answer, the line that was changed, and the words of which a counterexample must use one."""

    what: str
    line: int
    text: str
    names: tuple[str, ...]


def mutants(text: str, host: str) -> Iterator[Mutant]:
    """Give every single change: rules, policies, members of sets, routes and kernel settings."""
    lines = text.splitlines()
    section = ""
    for number, line in enumerate(lines):
        if match := re.match(r"=== ([a-z0-9.]+)$", line):
            section = match[1]
            continue

        def changed(what: str, *fresh: str, names: tuple[str, ...], at: int = number, drop: int = 1) -> Mutant:
            return Mutant(what, at + 1, "\n".join([*lines[:at], *fresh, *lines[at + drop :]]) + "\n", names)

        if section.startswith("rules.") and line.startswith("-A "):
            names = _rule_names(host, number + 1, line)
            yield changed("delete", names=names)
            yield changed("duplicate", line, line, names=names)
            following = lines[number + 1]
            if following.split()[:2] == line.split()[:2]:
                yield changed(
                    "swap", following, line, names=(*names, *_rule_names(host, number + 2, following)), drop=2
                )
            yield from (changed(what, fresh, names=names) for what, fresh in _rewritten(line))
        elif section.startswith("rules.") and re.match(r":[A-Z]+ (ACCEPT|DROP)", line):
            fresh = line.replace("ACCEPT", "-").replace("DROP", "ACCEPT").replace("-", "DROP", 1)
            yield changed("policy", fresh, names=(line.split()[0][1:],))
        elif section == "sets" and line.startswith("add "):
            name = line.split()[1]
            yield changed("remove member", names=(f"set {name}", f"ipset {name}"))
            yield changed("add member", line, f"add {name} 192.168.59.77", names=(f"set {name}",))
        elif section == "routes.v4" and line.startswith("["):
            yield from _routes(line, changed)
        elif section == "kernel" and "/conf/lo/" not in line and ":" in line:
            setting, _, value = line.rpartition(":")
            name = setting.rpartition("/")[2]
            yield changed("setting", f"{setting}:{1 - int(value)}", names=(name, "net."))


def _rule_names(host: str, line: int, rule: str) -> tuple[str, ...]:
    """Give what a counterexample may call a rule: its line, its neighbours', its chain, where it leads, its flow."""
    found = [f"{host}:{near}" for near in (line - 1, line, line + 1)]
    chain = rule.split()[1]
    found += [f"filter {chain}", f"chain {chain}", f", {chain}"]
    if match := re.search(r" -[jg] (\S+)", rule):
        found += [f"chain {match[1]}", f"filter {match[1]}", f", {match[1]}"]
    if match := re.search(r"flow:([\w-]+)", rule):
        found.append(f"flow {match[1]}")
    if chain in {"PREROUTING", "POSTROUTING"}:
        found.append(f"nat {chain}")
    return tuple(found)


def _rewritten(line: str) -> Iterator[tuple[str, str]]:
    changes = [("wider", re.sub(pattern, "", line, count=1)) for pattern in WIDER]
    changes += [
        ("wider port", re.sub(r"--dport (\d+)", lambda m: f"--dport {m[1]}:{int(m[1]) + 1}", line)),
        ("other port", re.sub(r"--dports (\d+)", lambda m: f"--dports {int(m[1]) + 1}", line)),
        ("wider address", re.sub(r"-([sd]) (\S+)/32", r"-\1 \2/31", line, count=1)),
        ("narrower", re.sub(r"-([sd]) (\S+)/24", r"-\1 \2/25", line, count=1)),
        ("accept", re.sub(r"-j DROP$", "-j ACCEPT", line)),
        ("drop", re.sub(r"-j ACCEPT$", "-j DROP", line)),
        ("other destination", re.sub(r"(--to-destination \S+)(\d):", r"\g<1>9:", line)),
        ("other source", re.sub(r"(--to-source \S+)", r"\g<1>9", line)),
    ]
    for what, fresh in changes:
        if fresh != line:
            yield what, fresh


def _routes(line: str, changed: Callable[..., Mutant]) -> Iterator[Mutant]:
    routes = json.loads(line)
    for number, route in enumerate(routes):
        rest = routes[:number], routes[number + 1 :]
        yield changed("delete route", json.dumps([*rest[0], *rest[1]]), names=("route",))
        if "gateway" in route:
            other = {**route, "gateway": route["gateway"].rpartition(".")[0] + ".99"}
            yield changed("other gateway", json.dumps([*rest[0], other, *rest[1]]), names=("route",))


def same(one: dict[int, Fleet], two: dict[int, Fleet], host: str) -> bool:
    """Tell whether a host does the very same with every packet."""
    return all(one[family].machines[host].behaviour() == two[family].machines[host].behaviour() for family in (4, 6))


def score(host: str, every: int) -> tuple[int, int]:
    """Try every so-many-th mutant of a host. Give how many changed its behaviour, and how many did not."""
    texts = made.answers(lab())
    snapshots = made.snapshots(lab(), texts)
    sound = fleets(lab(), snapshots)
    caught = equivalent = 0
    for mutant in list(mutants(texts[host], host))[::every]:
        try:
            snapshot = parse_snapshot(mutant.text, host, host)
        except UserError:
            continue  # refused before anything is proved
        ill = fleets(lab(), {**snapshots, host: snapshot}, sound)
        proof = prove(ill)
        told = f"{host}:{mutant.line} {mutant.what}: {texts[host].splitlines()[mutant.line - 1][:200]}"
        if proof.holds:
            assert same(sound, ill, host), f"survives: {told}"
            equivalent += 1
            continue
        caught += 1
        assert all(story.confirmed for story in proof.stories), f"not confirmed: {told}"
        said = [f"{story.cause.suspect} {story.cause.sentence} {story.gap.note}" for story in proof.stories]
        assert any(name in each for name in mutant.names for each in said), f"not named: {told}\n{said}"
    return caught, equivalent


@pytest.mark.parametrize(("host", "every"), [("edge1", 29), ("core1", 41), ("web1", 17)])
def test_mutants_are_caught_and_named(host: str, every: int) -> None:
    caught, _ = score(host, every)
    assert caught


@pytest.mark.slow
@pytest.mark.parametrize("host", ["edge1", "core1", "web1", "worker1", "gateway1", "broker1", "db1", "bastion1"])
def test_all_mutants_are_caught_and_named(host: str) -> None:
    caught, equivalent = score(host, 1)
    assert caught > equivalent / 2
