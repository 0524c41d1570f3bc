"""The application under load while a part is killed: nothing lost, nothing twice (all drills: `sallyport drill`)."""

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from network.check.shell import Shell
from network.drill.catalogue import DRILLS
from network.drill.faults import Place
from network.drill.run import USER, run
from network.model import Model
from tests.fleet import secret


@pytest.mark.parametrize("name", ["kill-main", "kill-status"])
def test_killed_process_loses_nothing(name: str, model: Model, shells: Mapping[str, Shell], state: Path) -> None:
    said: list[str] = []
    place = Place(model, shells, random.Random(7), said.append)  # noqa: S311
    load, ledger = run(DRILLS[name], place, secret(state, f"app_user_{USER}").text, 6.0)

    assert load.error is None
    assert ledger.clean, f"{ledger} {said}"
