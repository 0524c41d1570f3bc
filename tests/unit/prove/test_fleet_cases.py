"""The lab's fleet with one thing wrong: which claims break, what the counterexample says, and whom it names."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from network.prove import report
from network.prove.proof import Proof, fleets, prove
from tests.unit.prove import fleets as made
from tests.unit.prove.test_snapshot import lab

CASES = Path(__file__).parent / "cases" / "fleet"


def find(lines: list[str], text: str, nth: int = 1) -> int:
    places = [number for number, line in enumerate(lines) if text in line]
    assert len(places) >= nth, f"{text!r} is in no line"
    return places[nth - 1]


def edited(text: str, edits: list[dict[str, Any]]) -> str:
    lines = text.splitlines()
    for edit in edits:
        nth = edit.get("nth", 1)
        if "delete" in edit:
            del lines[find(lines, edit["delete"], nth)]
        elif "replace_all" in edit:
            lines = [line.replace(edit["replace_all"], edit["by"]) for line in lines]
        elif "replace" in edit:
            place = find(lines, edit["replace"], nth)
            lines[place] = lines[place].replace(edit["replace"], edit["by"])
        elif "move" in edit:
            moved = lines.pop(find(lines, edit["move"], nth))
            lines.insert(find(lines, edit["before"], nth), moved)
        else:
            lines.insert(find(lines, edit["after"], nth) + 1, edit["insert"])
    return "\n".join(lines) + "\n"


def proof_of(case: dict[str, Any]) -> Proof:
    texts = made.answers(lab())
    texts[case["host"]] = edited(texts[case["host"]], case["edits"])
    return prove(fleets(lab(), made.snapshots(lab(), texts)))


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yml")), ids=lambda path: path.stem)
def test_a_fault_breaks_these_claims_and_is_named(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    proof = proof_of(case)
    broken = {obligation.name for obligation in proof.obligations if not obligation.holds}
    assert broken == set(case["broken"]), report.text(proof)
    family = case.get("family", 4)
    assert {obligation.family for obligation in proof.obligations if not obligation.holds} == {family}
    assert all(story.confirmed for story in proof.stories)
    causes = [(story.cause.sentence, story.cause.suspect) for story in proof.stories]
    assert any(case["cause"] in sentence and case["suspect"] in suspect for sentence, suspect in causes), causes
    assert "DOES NOT HOLD" in report.text(proof)
    assert report.data(proof)["holds"] is False
