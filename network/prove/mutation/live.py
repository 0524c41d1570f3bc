"""A mutant made real for a moment: what changes a host so, what puts it back, and what the proof says of the result."""

import json
import random
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from network.check.shell import RemoteError, Shell
from network.check.temporary import momentarily
from network.errors import UserError
from network.prove.fleet import gather
from network.prove.fleet.snapshot import parse_snapshot
from network.prove.mutation.mutant import THINGS, Mutant
from network.prove.mutation.score import Fate, Judge, Judged, judged
from network.prove.proof import fleets, prove

_SAVED = "/run/sallyport-mutant"
_NOT_BY_WRITING = ("/mc_forwarding", "/disable_ipv6")
"""The first cannot be written; the second gives and takes addresses and routes, which is more than the setting."""


def sample(judge: Judge, mutants: Sequence[Mutant], seed: int) -> Iterator[Mutant]:
    """Give mutants at random, of every kind of thing in turn, that can be made real and that the proof must catch."""
    chance = random.Random(seed)  # noqa: S311 (which mutants are tried is no secret)
    left = {thing: [each for each in mutants if each.thing == thing and _orders(each)] for thing in THINGS}
    for some in left.values():
        chance.shuffle(some)
    while any(left.values()):
        for thing in THINGS:
            while left[thing]:
                mutant = left[thing].pop()
                if judge.judge(mutant).fate in {Fate.NAMED, Fate.UNNAMED}:
                    yield mutant
                    break


def try_live(judge: Judge, shell: Shell, mutant: Mutant) -> Judged | None:
    """Make a mutant real on its host, gather from it, and prove. None where the kernel refuses such a thing.

    Raises RemoteError where the host does not answer, or could not be put back at once (its own timer then does it).
    """
    orders = _orders(mutant)
    assert orders is not None
    change, mend = orders
    try:
        text = momentarily(shell, "mutant", change, gather.SCRIPT, mend)
    except RemoteError as error:
        if REFUSED in str(error):
            return None
        raise
    host = mutant.host
    try:
        snapshot = parse_snapshot(text, host, judge.snapshots[host].where)
        ill = fleets(judge.model, {**judge.snapshots, host: snapshot}, judge.sound)
    except UserError as error:
        return Judged(mutant, Fate.REFUSED, tuple(problem.found for problem in error.problems))
    if prove(ill).holds and judge.same(ill, host):  # it was foretold to be caught, so it was never made real
        return Judged(mutant, Fate.SURVIVED, ("the host does the same as before the mutant was made real",))
    return judged(mutant, prove(ill), lambda: False)


REFUSED = "the kernel refuses this mutant"


def _orders(mutant: Mutant) -> tuple[str, str] | None:
    """Return the commands that make a mutant real and that put back what was; None where there are none."""
    match mutant.thing:
        case "rule" | "policy":
            return _rules(mutant)
        case "set" if mutant.change not in {"duplicate", "reorder"}:
            return _set(mutant)
        case "route" if mutant.change not in {"duplicate", "reorder"}:
            return _routes(mutant)
        case "setting" if mutant.change == "alter" and not mutant.was.partition(":")[0].endswith(_NOT_BY_WRITING):
            return _setting(mutant)
    return None


def _or_refused(orders: Iterable[str]) -> str:
    return f"{{ {' && '.join(orders)}; }} || {{ echo {shlex.quote(REFUSED)} >&2; false; }}"


def _rules(mutant: Mutant) -> tuple[str, str]:
    program = "iptables" if mutant.section == "rules.v4" else "ip6tables"
    saved = f"{_SAVED}-{program}"
    text = "\n".join(_section(mutant)) + "\n"
    load = f"printf %s {shlex.quote(text)} | {program}-restore -w"
    mend = f"if [ -s {saved} ]; then {program}-restore -w -c < {saved} && rm {saved}; fi"
    return f"{program}-save -c > {saved} && {_or_refused([load])}", mend


def _section(mutant: Mutant) -> Iterator[str]:
    """Give the lines of the changed section, as they are loaded."""
    inside = False
    for line in mutant.text.splitlines():
        if line == f"=== {mutant.section}":
            inside = True
        elif line.startswith("=== "):
            inside = False
        elif inside:
            yield line


def _set(mutant: Mutant) -> tuple[str, str]:
    name, was = mutant.was.split()[1], mutant.was.removeprefix("add ")
    orders, back = [f"ipset del {was}"], []
    if mutant.now:
        fresh = mutant.now.removeprefix("add ")
        orders.append(f"ipset add {fresh}")
        back.append(f"ipset -exist del {name} {fresh.split()[1]}")
    return _or_refused(orders), "; ".join([*back, f"ipset -exist add {was}"])


def _routes(mutant: Mutant) -> tuple[str, str]:
    line = next(number for number in mutant.edits)
    before = _parsed(mutant.lines[line - 1])
    after = _parsed(mutant.edits[line][0])
    family = f"ip -{mutant.section[-1]} route"
    gone, fresh = [each for each in before if each not in after], [each for each in after if each not in before]
    orders = [f"{family} del {each}" for each in gone] + [f"{family} add {each}" for each in fresh]
    back = [f"{family} del {each} 2>/dev/null" for each in fresh] + [f"{family} replace {each}" for each in gone]
    return _or_refused(orders), "; ".join(back)


def _parsed(line: str) -> list[str]:
    return [_route(route) for route in json.loads(line) if route]


def _route(route: Mapping[str, Any]) -> str:
    """Write a route as the ip program takes it."""
    words = [route.get("type", "unicast"), route["dst"]]
    for name, word in (
        ("gateway", "via"),
        ("dev", "dev"),
        ("table", "table"),
        ("protocol", "proto"),
        ("scope", "scope"),
        ("prefsrc", "src"),
        ("metric", "metric"),
    ):
        if name in route:
            words += [word, str(route[name])]
    return " ".join(words)


def _setting(mutant: Mutant) -> tuple[str, str]:
    """Write the setting; put back all of them, for writing one may overwrite others.

    Twice: forwarding is among the first to be put back, and when it changes it overwrites what came before.
    """
    name, _, value = mutant.now.partition(":")
    saved = f"{_SAVED}-settings"
    save = f"sysctl -a -r '^net\\.ipv[46]\\.(conf|ip_forward)' 2>/dev/null | grep -v mc_forwarding > {saved}"
    back = f"sysctl -q -e -p {saved} >/dev/null 2>&1"
    mend = f"if [ -s {saved} ]; then {back}; {back}; rm {saved}; fi"
    return f"{save}; {_or_refused([f'sysctl -q -w net/{name}={value}'])}", mend
