"""The application under load while a part fails: nothing lost, nothing twice (all drills: `sallyport drill`)."""

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from network.check.shell import RemoteError, Shell, must
from network.drill.catalogue import DRILLS
from network.drill.clock import wrong_clock
from network.drill.faults import Place
from network.drill.run import USER, run
from network.model import Model
from tests.fleet import secret


# Seconds: of the clock, until the first jobs are due; of the others, a few kills, and a disk that stays full a while.
@pytest.mark.parametrize(
    ("name", "seconds"), [("kill-main", 6.0), ("kill-status", 6.0), ("database-full", 9.0), ("worker-clock", 12.0)]
)
def test_what_fails_loses_nothing(
    name: str, seconds: float, model: Model, shells: Mapping[str, Shell], state: Path
) -> None:
    said: list[str] = []
    place = Place(model, shells, random.Random(7), said.append)  # noqa: S311
    load, ledger = run(DRILLS[name], place, secret(state, f"app_user_{USER}").text, seconds)

    assert load.error is None
    assert ledger.clean, f"{ledger} {said}"


def test_a_clock_that_nothing_refuses_is_no_drill(model: Model, shells: Mapping[str, Shell]) -> None:
    said: list[str] = []
    place = Place(model, shells, random.Random(7), said.append)  # noqa: S311
    fault = wrong_clock("worker", "sallyport-status.service", 20, "our clock is 20 s ahead of the receiver's")
    with pytest.raises(RemoteError):
        fault(place, 1.0)
    assert said == []
    assert "FAKETIME" not in must(place.shell("worker"), "systemctl show -p Environment sallyport-status.service")
