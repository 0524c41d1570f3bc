"""Each control on each host that it concerns, from one batched look at the fleet."""

from collections.abc import Mapping

import pytest

from network.check.control import Control
from network.check.controls import CONTROLS
from network.check.expectation import Expectation, expectation
from network.check.facts import Facts
from network.read import load
from tests.fleet import ROOT, inventory

_MODEL = load(ROOT / "network/policy.yml", inventory())
_CASES = [
    pytest.param(control, host, marks=pytest.mark.control(control.id), id=f"{control.id}-{host}")
    for host in _MODEL.fleet.hosts
    for expected in (expectation(_MODEL, host),)
    for control in CONTROLS
    if control.applies(expected)
]


@pytest.mark.parametrize(("control", "host"), _CASES)
def test_control(
    control: Control, host: str, expectations: Mapping[str, Expectation], facts: Mapping[str, Facts]
) -> None:
    findings = control.check(expectations[host], facts[host])

    assert not findings, f"{host}, {control.id} ({', '.join(control.references)}):\n  " + "\n  ".join(findings)
