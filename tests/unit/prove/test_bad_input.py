"""What is broken about the answers is named, and nothing is proved on partial knowledge: the exit code says which."""

import random
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from network.command import main
from network.errors import Problem, UserError
from network.prove.fleet import gather
from network.prove.fleet.gather import SUFFIX, save
from network.prove.fleet.snapshot import parse_snapshot
from network.prove.proof import fleets, prove, read_snapshots
from tests.unit.prove import fleets as made
from tests.unit.prove.test_snapshot import lab

UNREADABLE, INCOMPLETE, BROKEN = 2, 3, 1


RULE = "-A FORWARD -j fwd\n"


def changed(before: str, after: str) -> str:
    """Give core1's answer with something replaced."""
    text = made.answer(lab(), "core1")
    assert before in text
    return text.replace(before, after, 1)


def cut(where: str) -> str:
    return changed(text := made.answer(lab(), "core1"), text[: text.index(where)])


DAMAGED: Mapping[str, Callable[[], str]] = {
    "cut in the middle": lambda: cut("-A FORWARD"),
    "cut between sections": lambda: cut("=== routes.v4"),
    "empty": lambda: "",
    "unknown module": lambda: changed(RULE, f"-A FORWARD -m nosuch --quite 3 -j ACCEPT\n{RULE}"),
    "unknown target": lambda: changed(RULE, f"-A FORWARD -j NOSUCH\n{RULE}"),
    "looping chains": lambda: changed("-A in -s", "-A in -j fwd\n-A fwd -j in\n-A in -s"),
    "missing set": lambda: changed("create g-inner-v4", "create g-other-v4"),
    "other clock": lambda: changed(str(made.SECONDS), str(made.SECONDS + 4000)),
    "unknown interface": lambda: changed('"dev": "eth1"', '"dev": "eth7"'),
    "silent kernel": lambda: changed("ipv4/conf/eth0/rp_filter:1\n", ""),
    "failed command": lambda: changed("=== exit 0 sets", "=== exit 1 sets"),
    "no address": lambda: changed('"local": "192.168.57.3"', '"local": "192.168.57"'),
}
"""core1's answer with one thing wrong, by what is wrong."""


@pytest.mark.parametrize(
    ("name", "code", "named"),
    [
        ("cut in the middle", UNREADABLE, "core1.snapshot"),
        ("cut between sections", UNREADABLE, "the answer has no section routes.v4"),
        ("empty", UNREADABLE, "the answer has no section identity"),
        ("unknown module", UNREADABLE, "nosuch"),
        ("unknown target", UNREADABLE, "NOSUCH"),
        ("looping chains", UNREADABLE, "call each other in a loop: in → fwd → in"),
        ("missing set", UNREADABLE, "g-inner-v4"),
        ("other clock", INCOMPLETE, "answered 4000 s apart"),
        ("unknown interface", UNREADABLE, "a route leads by eth7"),
        ("silent kernel", UNREADABLE, "section kernel does not say ipv4/conf/eth0/rp_filter"),
        ("failed command", UNREADABLE, "section sets failed"),
        ("no address", UNREADABLE, "'192.168.57' is no IPv4 address"),
    ],
)
def test_it_is_named_and_nothing_is_proved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, code: int, named: str
) -> None:
    save(made.answers(lab()) | {"core1": DAMAGED[name]()}, tmp_path)
    for command in ("prove", "mutate"):
        assert main([command, "--offline", str(tmp_path)]) == code
        shown = capsys.readouterr()
        assert named in shown.err
        assert "core1" in shown.err
        assert shown.out == ""


def test_every_fault_is_named_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = made.answers(lab()) | {"core1": DAMAGED["missing set"](), "web1": ""}
    del texts["db1"]
    save(texts, tmp_path)
    assert main(["prove", "--offline", str(tmp_path)]) == UNREADABLE
    said = capsys.readouterr().err
    assert all(host in said for host in ("core1", "web1", "db1"))


def test_a_file_that_is_no_text_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(made.answers(lab()), tmp_path)
    (tmp_path / f"core1{SUFFIX}").write_bytes(b"\xff\xfe\x00")
    assert main(["prove", "--offline", str(tmp_path)]) == UNREADABLE
    assert f"core1{SUFFIX}" in capsys.readouterr().err


def test_a_module_that_is_known_and_not_modelled_is_a_bound_that_never_helps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where its condition may hold, an ACCEPT may let through, and a DROP may stop, what it should not."""
    for verdict, kind in (("ACCEPT", "gets through and should not"), ("DROP", "should get through and does not")):
        rule = f"-A FORWARD -m statistic --mode random --probability 0.5 -j {verdict}"
        save(made.answers(lab()) | {"core1": changed(RULE, f"{rule}\n{RULE}")}, tmp_path)
        assert main(["prove", "--offline", str(tmp_path)]) == BROKEN
        shown = capsys.readouterr().out
        assert kind in shown
        assert f"core1 filter FORWARD: {rule}" in shown


def test_a_host_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cannot be reached, one says nothing in time; the third's answer is kept."""
    program = tmp_path / "ssh"
    script = 'case "$*" in *deaf*) echo no route >&2; exit 255;; *slow*) sleep 5;; *) echo answer;; esac'
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(gather, "_SECONDS", 0.5)
    texts, silent = gather.gather(["deaf", "slow", "good"], tmp_path / "ssh_config")
    assert texts == {"good": "answer\n"}
    assert {problem.where: problem.found for problem in silent} == {
        "deaf": "ssh ended with 255: no route",
        "slow": "no answer within 0.5 s",
    }


def test_a_machine_without_ssh_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    _, silent = gather.gather(["core1"], tmp_path / "ssh_config")
    assert [problem.found for problem in silent] == ["there is no ssh on this machine"]


def damage(text: str, chance: random.Random) -> str:
    """Cut out, change, move or repeat something at random."""
    lines = text.splitlines()
    first, second = sorted(chance.randrange(len(text)) for _ in range(2))
    line = chance.randrange(len(lines))
    strange = chance.choice('\0 "-/:{}[],0Aé')
    return chance.choice(
        (
            text[:first],
            text[:first] + text[first + chance.randrange(1, 30) :],
            text[:first] + strange + text[first + 1 :],
            text[:first] + text[second : second + 60] + text[first:],
            "\n".join([*lines[:line], *lines[line + 1 :]]) + "\n",
            "\n".join([*lines[:line], chance.choice(lines), *lines[line:]]) + "\n",
        )
    )


def try_damaged(seeds: range) -> None:
    texts = made.answers(lab())
    places = {name: name for name in texts}
    snapshots = read_snapshots(lab(), texts, places)
    sound = fleets(lab(), snapshots)
    for seed in seeds:
        chance = random.Random(seed)  # noqa: S311
        host = chance.choice(list(texts))
        try:
            snapshot = parse_snapshot(damage(texts[host], chance), host, host)
            prove(fleets(lab(), {**snapshots, host: snapshot}, sound))
        except UserError as error:
            assert all(isinstance(problem, Problem) and host in problem.where for problem in error.problems), seed


def test_damaged_answers_never_end_in_a_traceback() -> None:
    try_damaged(range(150))


@pytest.mark.slow
def test_many_damaged_answers_never_end_in_a_traceback() -> None:
    try_damaged(range(1000, 8000))
