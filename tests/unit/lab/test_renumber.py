from ipaddress import IPv4Network
from pathlib import Path

import pytest

from network.errors import UserError
from network.lab.renumber import moved, present, target
from network.read import files, load, model_of
from tests.unit.lab.fleet import model

ROOT = Path(__file__).resolve().parents[3]
OLD = IPv4Network("192.168.56.0/21")


def test_present_range_holds_every_zone() -> None:
    assert present(model()) == OLD


def test_whole_lab_moves_and_every_host_keeps_its_place() -> None:
    inventory = ROOT / "inventory/lab"
    name, policy = files.policy(ROOT / "network/policy.yml")
    before = load(ROOT / "network/policy.yml", inventory)
    old = present(before)
    new = target("10.77.8.0/21", old)
    after = model_of(name, policy, "inventory/lab", moved(files.inventory(inventory), old, new))
    for host in before.fleet.hosts.values():
        there = after.fleet.hosts[host.name]
        assert [int(leg.address) - int(old.network_address) for leg in host.legs] == [
            int(leg.address) - int(new.network_address) for leg in there.legs
        ]
    assert {zone.networks[0].prefixlen for zone in after.fleet.zones.values()} == {24}


def test_moving_there_and_back_changes_nothing() -> None:
    written = files.inventory(ROOT / "inventory/lab")
    new = IPv4Network("172.20.0.0/21")
    assert moved(moved(written, OLD, new), new, OLD) == written


def test_what_only_looks_like_an_address_stays() -> None:
    text = {"a": b"v192.168.57.10 192.168.57.10.5 1192.168.57.10 192.168.300.1 127.0.0.1 (192.168.57.10)"}
    new = IPv4Network("10.0.0.0/21")
    assert moved(text, OLD, new)["a"] == text["a"].replace(b"(192.168.57.10)", b"(10.0.1.10)")


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ("10.77.0.0/22", "at least as large"),
        ("10.77.0.1/21", "without host bits"),
        ("ten", "CIDR notation"),
        ("8.8.0.0/21", "private"),
        ("fd00::/48", "IPv4"),
    ],
)
def test_range_that_does_not_do_is_refused(given: str, rule: str) -> None:
    with pytest.raises(UserError, match=rule):
        target(given, OLD)


def test_larger_range_is_used_from_its_start() -> None:
    assert target("10.0.0.0/8", OLD) == IPv4Network("10.0.0.0/21")
