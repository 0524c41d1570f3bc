"""Flows that are there only where an environment chooses so."""

import pytest

from network.model import Model
from network.read import model_of
from tests.unit.read.environment import ROOT, files

POLICY = (ROOT / "network/policy.yml").read_bytes()
CHOICES = "group_vars/all/network.yml"


def environment(transport: str, broker: str = "rabbitmq") -> Model:
    given = files(ROOT / "inventory/lab")
    given.pop("group_vars/all/machine.yml", None)
    written = b"{broker: rabbitmq, transport: http}"
    assert written in given[CHOICES]
    given[CHOICES] = given[CHOICES].replace(written, f"{{broker: {broker}, transport: {transport}}}".encode())
    return model_of("network/policy.yml", POLICY, "inventory/lab", given)


@pytest.mark.parametrize(
    ("transport", "there", "absent"),
    [
        ("http", "hand-over", "worker-broker"),
        ("grpc", "hand-over", "worker-broker"),
        ("broker", "worker-broker", "hand-over"),
    ],
)
def test_a_flow_is_there_only_where_it_is_chosen(transport: str, there: str, absent: str) -> None:
    ids = {flow.id for flow in environment(transport).flows}
    assert there in ids
    assert absent not in ids


def test_both_choices_meet_in_one_flow() -> None:
    (flow,) = (flow for flow in environment("broker", "kafka").flows if flow.id == "worker-broker")
    assert [service.first for service in flow.services] == [9093]
