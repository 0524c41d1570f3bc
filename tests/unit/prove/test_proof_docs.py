"""docs/proof.md shows a counterexample as it is printed, and the exit codes that the commands have."""

import re
from pathlib import Path

from network.command import answers
from network.prove import report
from network.prove.proof import fleets, prove, read_snapshots
from network.prove.replay.verdict import Agreement
from tests.unit.prove import fleets as made
from tests.unit.prove.test_snapshot import ROOT, lab

DOCS = (Path(ROOT) / "docs/proof.md").read_text()
EXTRA = "-A FORWARD -s 192.168.59.10/32 -d 192.168.57.10/32 -p tcp -m tcp --dport 8444 -j ACCEPT"


def counterexample() -> str:
    texts = made.answers(lab())
    texts["core1"] = texts["core1"].replace("-A FORWARD -j fwd\n", f"{EXTRA}\n-A FORWARD -j fwd\n", 1)
    places = {host: f"DIR/{host}.snapshot" for host in texts}
    shown = report.text(prove(fleets(lab(), read_snapshots(lab(), texts, places))))
    return shown[shown.index("\n1. ") + 1 :].split("\n\n")[0]


def test_the_counterexample_is_the_one_that_is_printed() -> None:
    assert f"```\n{counterexample()}\n```" in DOCS


def test_exit_codes_are_those_of_the_commands() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d) \|", DOCS, re.MULTILINE)}
    assert codes == {answers.HOLDS, answers.BROKEN, 2, answers.INCOMPLETE, answers.DISAGREES}


def test_every_verdict_of_a_replay_is_explained() -> None:
    assert {each.value for each in Agreement} <= set(re.findall(r"^\| (\w+) \|", DOCS, re.MULTILINE))
