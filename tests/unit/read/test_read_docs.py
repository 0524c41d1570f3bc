"""docs/policy.md names every key that is read, and shows an error as it is printed."""

import re

import pytest

from network.errors import UserError
from network.read import model_of, policy
from network.read.inventory import VARIABLES
from tests.unit.read.environment import ROOT, files

DOCS = (ROOT / "docs/policy.md").read_text()


def test_every_key_is_explained() -> None:
    named = set(re.findall(r"`([a-z_]+)`", DOCS))
    assert {*policy.FLOW_KEYS, *policy.TRUSTS, *VARIABLES, "legs", "networks", "gateway", "purpose"} <= named


def test_error_is_the_one_that_is_printed() -> None:
    given = files(ROOT / "inventory/lab")
    given["hosts.yml"] = given["hosts.yml"].replace(b"192.168.57.10", b"192.168.58.10")
    with pytest.raises(UserError) as caught:
        model_of("network/policy.yml", (ROOT / "network/policy.yml").read_bytes(), "inventory/lab", given)
    assert str(caught.value) in DOCS
