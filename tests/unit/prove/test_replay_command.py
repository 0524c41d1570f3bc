"""`sallyport prove --replay`: its exit codes and its words, with hosts in whose place a few lines answer."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest

from network.command import answers as answers_of
from network.command import prove
from network.errors import UserError
from network.prove.fleet import gather
from network.prove.fleet.walk import Fleet
from network.prove.proof import Proof
from network.prove.replay.run import Replay
from network.prove.replay.sample import Sampler
from network.prove.replay.verdict import Agreement, Replayed
from tests.unit.prove import fleets as made
from tests.unit.prove.test_snapshot import lab


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    prove.arguments(parser)
    return parser.parse_args(words)


def answering(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, agreement: Agreement, texts: Mapping[str, str]) -> None:
    """Have the fleet answer with these texts, and every replayed packet come out so."""

    def replay(read: Mapping[int, Fleet], _: Proof, __: object, each: int, seed: int) -> Replay:
        drawn = list(Sampler(read[4], Random(seed)).probes(each))  # noqa: S311
        return Replay(
            tuple(Replayed(one, agreement, "MODEL", "KERNEL") for one in drawn), (("counterexample 1", "WHY"),)
        )

    monkeypatch.setattr(prove, "replay", replay)
    monkeypatch.setattr(prove, "reachable", lambda *_: {})
    monkeypatch.setattr(prove, "ROOT", tmp_path)
    for module in (prove, answers_of):
        monkeypatch.setattr(module, "ssh_config", lambda _: tmp_path / "ssh_config")
    monkeypatch.setattr(answers_of, "ROOT", tmp_path)
    monkeypatch.setattr(gather, "gather", lambda *_: (dict(texts), []))


@pytest.mark.parametrize(
    ("agreement", "sound", "code"),
    [
        (Agreement.AGREES, True, 0),
        (Agreement.AGREES, False, 1),
        (Agreement.INCONCLUSIVE, True, 3),
        (Agreement.INCONCLUSIVE, False, 1),
        (Agreement.DISAGREES, True, 4),
        (Agreement.DISAGREES, False, 4),
    ],
)
def test_exit_codes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agreement: Agreement, *, sound: bool, code: int
) -> None:
    texts = made.answers(lab())
    if not sound:
        texts["db1"] = texts["db1"].replace(":INPUT DROP", ":INPUT ACCEPT").replace("-j DROP", "-j ACCEPT")
    answering(monkeypatch, tmp_path, agreement, texts)
    assert prove.run(options("--replay", "1", "--seed", "5")) == code


def test_what_disagrees_is_told_with_its_packet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(monkeypatch, tmp_path, Agreement.DISAGREES, made.answers(lab()))
    prove.run(options("--replay", "--seed", "5"))
    shown = capsys.readouterr().out
    assert "PROVED: all" in shown
    assert "seed 5" in shown
    assert "not sent: counterexample 1: WHY" in shown
    assert "proof   MODEL" in shown
    assert "kernel  KERNEL" in shown
    assert "THE KERNEL DISAGREES" in shown


def test_programs_get_every_packet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(monkeypatch, tmp_path, Agreement.AGREES, made.answers(lab()))
    prove.run(options("--replay", "--json"))
    shown = json.loads(capsys.readouterr().out)["replay"]
    assert shown["disagrees"] == 0
    assert shown["agrees"] == len(shown["packets"]) > 70
    assert {each["gets_through"] for each in shown["packets"]} == {True, False}


def test_saved_answers_cannot_be_replayed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--replay beside --offline"):
        prove.run(options("--offline", str(tmp_path), "--replay"))
