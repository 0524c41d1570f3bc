"""Which states loading leads through, and that losing a host is seen in any of them, before any host is touched."""

import re
from pathlib import Path

import pytest

from network.compile.iptables import Firewall, compile_host
from network.model import Model
from network.prove.fleet.snapshot import IncompleteError
from network.prove.proof import required_hosts
from network.prove.rehearsal import OPEN, Refusal, loaded, rehearse, stages, states
from network.read import load
from tests.unit.prove import fleets as made

ROOT = Path(__file__).resolve().parents[3]
POLICY = ROOT / "network/policy.yml"
LAB = ROOT / "inventory/lab"


@pytest.fixture(scope="module")
def lab() -> Model:
    return load(POLICY, LAB)


def without(tmp_path: Path, flow: str) -> Model:
    text, count = re.subn(rf"  - id: {flow}\n(    .*\n)+", "", POLICY.read_text())
    assert count == 1
    (tmp_path / "policy.yml").write_text(text)
    return load(tmp_path / "policy.yml", LAB)


def live(model: Model) -> dict[str, Firewall]:
    return {name: compile_host(model, name) for name in required_hosts(model)}


def lost(refusal: Refusal | None) -> set[str]:
    assert refusal is not None
    return {story.obligation.subject for story in refusal.stories}


def test_states_follow_the_order_of_the_playbook(lab: Model) -> None:
    assert stages(lab, {"web1", "bastion1", "core1"}) == (("core1",), ("bastion1",), ("web1",))
    assert list(states(lab, {"core1", "edge1", "bastion1", "web1", "db1"})) == [
        (),
        ("edge1",),
        ("core1",),
        ("edge1", "core1"),
        ("edge1", "core1", "bastion1"),
        ("edge1", "core1", "bastion1", "web1", "db1"),
    ]


def test_the_same_rules_again_keep_every_host(lab: Model) -> None:
    assert rehearse(lab, live(lab), required_hosts(lab)) == (6, None)


def test_bare_hosts_get_their_first_rules(lab: Model) -> None:
    assert rehearse(lab, dict.fromkeys(required_hosts(lab), OPEN), required_hosts(lab))[1] is None


@pytest.mark.parametrize(("flow", "hosts"), [("fleet-ssh", {"web1", "db1"}), ("operator-ssh", {"bastion1"})])
def test_a_policy_without_ssh_is_refused(lab: Model, tmp_path: Path, flow: str, hosts: set[str]) -> None:
    _, refusal = rehearse(without(tmp_path, flow), live(lab), required_hosts(lab))
    assert hosts <= lost(refusal)


def test_a_host_whose_rules_stay_is_judged_too(lab: Model) -> None:
    closed = Firewall("*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\nCOMMIT\n", "", "")
    assert lost(rehearse(lab, {**live(lab), "db1": closed}, {"edge1"})[1]) == {"db1"}
    assert rehearse(lab, {**live(lab), "db1": closed}, {"edge1", "db1"})[1] is None


def test_rules_that_live_hosts_have_are_read_from_their_answers(lab: Model) -> None:
    assert loaded(made.answer(lab, "db1"), "db1").v4 == compile_host(lab, "db1").v4.strip()


def test_a_host_without_iptables_has_no_rules() -> None:
    text = "".join(f"=== {name}\nnot found\n=== exit 127 {name}\n" for name in ("rules.v4", "rules.v6", "sets"))
    assert loaded(text, "db1") == OPEN


def test_an_answer_that_was_cut_off_proves_nothing(lab: Model) -> None:
    with pytest.raises(IncompleteError, match="no whole section sets"):
        loaded(made.answer(lab, "db1").replace("=== exit 0 sets", ""), "db1")
