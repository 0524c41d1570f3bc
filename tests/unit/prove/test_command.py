"""`sallyport prove` from saved answers: its exit codes and its output."""

import argparse
import json
from pathlib import Path

import pytest

from network.command import answers as answers_of
from network.command import prove
from network.errors import UserError
from network.prove.fleet.gather import SUFFIX, save
from tests.unit.prove import fleets as made
from tests.unit.prove.test_snapshot import ROOT, lab


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    prove.arguments(parser)
    return prove.run(parser.parse_args(words))


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    save(made.answers(lab()), tmp_path)
    return tmp_path


def test_a_fleet_that_holds_exits_with_0(answers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--offline", str(answers)) == 0
    shown = capsys.readouterr().out
    assert "PROVED: all" in shown
    assert "Taken for granted:" in shown


def test_a_fleet_that_does_not_hold_exits_with_1(answers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = answers / f"db1{SUFFIX}"
    place.write_text(
        place.read_text().replace(":INPUT DROP", ":INPUT ACCEPT").replace('"deny:in" -j DROP', "x -j ACCEPT")
    )
    assert run("--offline", str(answers)) == 1
    shown = capsys.readouterr().out
    assert f"{place}:" in shown
    assert "DOES NOT HOLD" in shown


def test_json_holds_everything(answers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = answers / f"web1{SUFFIX}"
    kept = [line for line in place.read_text().splitlines() if "flow:status-callback" not in line]
    place.write_text("\n".join(kept) + "\n")
    assert run("--offline", str(answers), "--json") == 1
    data = json.loads(capsys.readouterr().out)
    story = data["counterexamples"][0]
    assert story["flows"] == ["status-callback"]
    assert [hop["host"] for hop in story["hops"]] == ["worker1", "core1", "web1"]
    assert story["hops"][-1]["outcome"] == "stopped"
    assert story["confirmed"]
    assert {obligation["name"] for obligation in data["obligations"] if not obligation["holds"]} == {
        "zone-pair",
        "ingress",
    }


def test_a_missing_answer_exits_with_3(answers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (answers / f"core1{SUFFIX}").unlink()
    assert run("--offline", str(answers)) == 3
    shown = capsys.readouterr()
    assert "core1" in shown.err
    assert "NOT PROVED" in shown.err
    assert not shown.out


def test_a_cut_answer_is_the_users_to_mend(answers: Path) -> None:
    place = answers / f"core1{SUFFIX}"
    place.write_text(place.read_text()[:5000])
    with pytest.raises(UserError):
        run("--offline", str(answers))


def test_a_missing_directory_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such directory"):
        run("--offline", str(tmp_path / "nowhere"))


def test_answers_can_be_saved_again(answers: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    assert run("--offline", str(answers), "--save", str(copy)) == 0
    assert {path.name: path.read_text() for path in copy.iterdir()} == {
        path.name: path.read_text() for path in answers.glob(f"*{SUFFIX}")
    }


def test_an_environment_that_is_not_up_is_the_users_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_of, "ROOT", tmp_path)
    with pytest.raises(UserError, match="ssh_config"):
        run("--inventory", str(ROOT / "inventory/lab"))
