"""The lab's policy and inventory with one edit: what the plan says of it, line by line."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from network.change import report
from network.change.compare import compare
from network.model import Model
from network.read import files, model_of

ROOT = Path(__file__).parents[3]
CASES = Path(__file__).parent / "cases"


@cache
def sources() -> tuple[bytes, dict[str, bytes]]:
    """Give the lab's policy, and its inventory without what this machine found out."""
    inventory = files.inventory(ROOT / "inventory/lab")
    return (ROOT / "network/policy.yml").read_bytes(), {k: v for k, v in inventory.items() if "machine" not in k}


def made(policy: bytes, inventory: dict[str, bytes]) -> Model:
    return model_of("network/policy.yml", policy, "inventory/lab", inventory)


def edited(text: str, edits: list[dict[str, str]]) -> str:
    for edit in edits:
        if "remove_flow" in edit:
            pattern = rf"  - id: {edit['remove_flow']}\n(?:    .*\n)+"
            assert re.search(pattern, text)
            text = re.sub(pattern, "", text)
        else:
            assert edit["replace"] in text, edit["replace"]
            text = text.replace(edit["replace"], edit["by"], 1)
    return text


def models(case: dict[str, Any]) -> tuple[Model, Model]:
    """Give the lab as it is, and with the edits of a case."""
    policy, inventory = sources()
    after = dict(inventory)
    for key, name in (("inventory", "hosts.yml"), ("network", "group_vars/all/network.yml")):
        after[name] = edited(inventory[name].decode(), case.get(key, [])).encode()
    return made(policy, inventory), made(edited(policy.decode(), case.get("policy", [])).encode(), after)


def sections(shown: str) -> dict[str, list[str]]:
    parts = (part.split(":\n") for part in shown.split("\n\n") if ":\n" in part)
    return {title: [line.strip() for line in lines.split("\n")] for title, lines in parts}


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yml")), ids=lambda path: path.stem)
def test_a_change_is_told(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    change = compare(*models(case))
    shown = sections(report.text(change, ""))
    assert shown.get("Reachability", []) == case["lines"]
    assert change.widens == case["widens"]
    for key, title in (("cells", "By zones"), ("notes", "Also changes")):
        if key in case:
            assert shown[title] == case[key]
    if "files" in case:
        assert [each.host for each in change.files] == case["files"]
    data = report.data(change)
    assert json.loads(json.dumps(data)) == data
    assert [each["flow"] for each in data["reach"]] == [each.flow for each in change.reach]
    marked = report.markdown(change, "")
    assert all(f"`{each.flow}`" in marked for each in change.reach)


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yml")), ids=lambda path: path.stem)
def test_the_way_back_is_the_opposite(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    before, after = models(case)
    ways = compare(before, after), compare(after, before)
    there, back = (
        sorted((each.allowed, report.sentence(each).split(": newly")[0]) for each in way.reach if not each.requests)
        for way in ways
    )
    assert there == sorted((not allowed, words) for allowed, words in back)
