"""`sallyport mutate` from saved answers: its table, its exit codes, and what it refuses."""

import argparse
import json
from pathlib import Path

import pytest

from network.command import mutate
from network.errors import UserError
from network.prove.fleet.gather import SUFFIX, save
from network.prove.mutation.generate import Generator
from network.prove.mutation.mutant import Mutant
from network.prove.mutation.score import Fate, Judge, Judged
from tests.unit.prove import fleets as made
from tests.unit.prove.test_snapshot import lab


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    mutate.arguments(parser)
    return parser.parse_args(words)


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Save the lab's answers, and have only a few of their mutants judged."""
    save(made.answers(lab()), tmp_path)
    of_all = Generator.mutants
    monkeypatch.setattr(Generator, "mutants", lambda self: list(of_all(self))[::60])
    return tmp_path


def test_a_full_score_exits_with_0(answers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mutate.run(options("--offline", str(answers))) == 0
    shown = capsys.readouterr()
    assert "SCORE: 100 % of" in shown.out
    assert "mutants, about 0 s more" in shown.err
    kinds = [line.split("  ")[0] for line in shown.out.splitlines()]
    assert {"rule delete", "setting alter", "route widen"} <= set(kinds)


def test_a_missed_mutant_exits_with_1_and_is_shown(
    answers: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(_: object, mutant: Mutant) -> Judged:
        return Judged(mutant, Fate.SURVIVED)

    monkeypatch.setattr(Judge, "judge", blind)
    assert mutate.run(options("--offline", str(answers), "--json")) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["score"] == 0
    assert {each["fate"] for each in shown["missed"]} == {"survived"}
    assert mutate.run(options("--offline", str(answers))) == 1
    assert "SCORE: 0.0 %" in capsys.readouterr().out


def test_a_fleet_that_does_not_hold_has_no_score(answers: Path) -> None:
    place = answers / f"db1{SUFFIX}"
    place.write_text(place.read_text().replace(":INPUT DROP", ":INPUT ACCEPT").replace("-j DROP", "-j ACCEPT"))
    with pytest.raises(UserError, match="DOES NOT HOLD"):
        mutate.run(options("--offline", str(answers)))


def test_a_missing_answer_exits_with_3(answers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (answers / f"core1{SUFFIX}").unlink()
    assert mutate.run(options("--offline", str(answers))) == 3
    assert "NO SCORE" in capsys.readouterr().err


def test_saved_answers_have_no_live_mutants(answers: Path) -> None:
    with pytest.raises(UserError, match="leave out one of the two"):
        mutate.run(options("--offline", str(answers), "--live", "3"))
