"""Each control is broken once, on one host, and watched go red: that control, and no other."""

from collections.abc import Callable, Mapping

import pytest

from network.check.controls import CONTROLS
from network.check.expectation import Expectation, expectation
from network.check.gather import gather
from network.check.shell import Shell
from network.check.temporary import changed
from network.model import Model
from tests.drills.sabotage import SABOTAGES, Sabotage

Red = Callable[[str], dict[str, list[str]]]

# Where a control is seen from elsewhere than the host that is broken.
_SEEN_FROM = {"proxy-denies": "gateway"}


@pytest.fixture(scope="module")
def red(shells: Mapping[str, Shell], expectations: Mapping[str, Expectation], nonce: str) -> Red:
    """Return a look at a host: the findings against it, by control."""

    def look(host: str) -> dict[str, list[str]]:
        expected = expectations[host]
        seen = gather(shells[host], expected, nonce)
        judged = {control.id: control.check(expected, seen) for control in CONTROLS if control.applies(expected)}
        return {name: findings for name, findings in judged.items() if findings}

    return look


@pytest.fixture(scope="module")
def baseline() -> dict[str, dict[str, list[str]]]:
    """Hold what is red on a host before it is broken (compliance tests say so): each drill leaves it as it was."""
    return {}


@pytest.mark.parametrize(
    "sabotage", [pytest.param(each, marks=pytest.mark.control(each.control), id=each.control) for each in SABOTAGES]
)
def test_sabotage_turns_its_control_red_and_no_other(
    sabotage: Sabotage,
    model: Model,
    shells: Mapping[str, Shell],
    red: Red,
    baseline: dict[str, dict[str, list[str]]],
) -> None:
    broken = model.fleet.groups[sabotage.group][0]
    seen = model.fleet.groups[_SEEN_FROM.get(sabotage.control, sabotage.group)][0]
    if not next(control for control in CONTROLS if control.id == sabotage.control).applies(expectation(model, seen)):
        pytest.skip("the environment has chosen another broker")
    before = baseline[seen] if seen in baseline else red(seen)
    assert sabotage.control not in before, before[sabotage.control]

    with changed(shells[broken], f"sabotage-{sabotage.control}", sabotage.change, sabotage.mend, 180):
        while_broken = red(seen)
    baseline[seen] = red(seen)

    assert while_broken.keys() - before.keys() == {sabotage.control}, while_broken
    assert baseline[seen].keys() <= before.keys(), baseline[seen]
