"""What is told about controls in more than one place is compared."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from network.check import gather
from network.check.control import Control
from network.check.controls import CONTROLS
from network.check.expectation import BROKERS, PLAIN, SANDBOXED, TLS, UNITS, expectation
from network.check.facts import Facts
from network.read import load
from tests.drills.sabotage import SABOTAGES

MODEL = load(Path("network/policy.yml"), Path("inventory/lab"))
# The lab with each broker that it could choose.
LABS = {kind: replace(MODEL, choices={"broker": kind}) for kind in BROKERS}
EXPECTED = {f"{host}, {kind}": expectation(model, host) for kind, model in LABS.items() for host in model.fleet.hosts}
# Controls with a test of their own, outside the table of host controls.
FLEET_WIDE = {"reachability", "logs-collected"}


def test_control_ids_are_unique() -> None:
    assert len({control.id for control in CONTROLS}) == len(CONTROLS)


def test_every_control_is_sabotaged_once() -> None:
    assert sorted(each.control for each in SABOTAGES) == sorted(control.id for control in CONTROLS)


def test_every_sabotage_is_on_a_host_that_the_control_concerns() -> None:
    by_id = {control.id: control for control in CONTROLS}
    for each in SABOTAGES:
        host = MODEL.fleet.groups[each.group][0]
        applies = any(by_id[each.control].applies(EXPECTED[f"{host}, {kind}"]) for kind in LABS)
        assert applies or each.control == "proxy-denies", each


def test_every_service_of_the_policy_speaks_tls_or_says_why_not() -> None:
    assert TLS.keys() | PLAIN.keys() == MODEL.services.keys()
    assert not TLS.keys() & PLAIN.keys()


def test_every_broker_of_the_policy_has_a_unit_a_question_and_a_control() -> None:
    variants = yaml.safe_load(Path("network/policy.yml").read_text(encoding="utf-8"))["services"]["broker"].keys()
    assert BROKERS.keys() == gather.BROKERS.keys() == variants
    assert variants <= {control.id for control in CONTROLS}


def test_every_group_with_units_is_in_the_inventory() -> None:
    assert UNITS.keys() <= MODEL.fleet.groups.keys()
    assert {unit for units in UNITS.values() for unit in units} >= SANDBOXED


def test_the_documented_controls_are_the_controls() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (.+?) \| (.+?) \|", Path("docs/compliance.md").read_text(encoding="utf-8"), re.M
    )
    told = {name: (title, references) for name, title, references in rows if name not in FLEET_WIDE}

    assert told == {control.id: (control.title, ", ".join(control.references)) for control in CONTROLS}
    assert {name for name, _, _ in rows} >= FLEET_WIDE


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.id)
def test_a_host_that_says_nothing_passes_no_control(control: Control) -> None:
    """Silence is never a pass: the check itself must have seen something good."""
    for host, expected in EXPECTED.items():
        if control.applies(expected):
            assert control.check(expected, Facts(host, {})), f"{control.id} passes on a silent {host}"
