"""Ways through the base environment of tests/unit/read: internet | edge1 | dmz | core1 | data, mgmt."""

from ipaddress import ip_network

import pytest

from network import path
from network.model import Endpoint, Model
from network.path import Hop, Journey, NextHop, NoPathError
from tests.unit.read.environment import base, inventory

INTERNET = Endpoint("zone", "internet")
EDGE, CORE = Hop("edge1", "internet", "dmz"), Hop("core1", "dmz", "data")


@pytest.fixture(scope="module")
def model() -> Model:
    return base()


def host(name: str) -> Endpoint:
    return Endpoint("host", name)


def test_inside_a_zone_nothing_is_crossed(model: Model) -> None:
    assert path.path(model, host("web1"), host("core1")) == ()


def test_from_the_world_to_the_innermost_zone(model: Model) -> None:
    assert path.path(model, INTERNET, host("db1")) == (EDGE, CORE)


def test_external_stands_in_the_untrusted_zone(model: Model) -> None:
    way = path.journey(model, host("db1"), Endpoint("external", "mail"))
    assert way == Journey("data", "internet", (Hop("core1", "data", "dmz"), Hop("edge1", "dmz", "internet")))


def test_firewall_as_source_leaves_by_the_leg_that_faces_the_peer(model: Model) -> None:
    assert path.journey(model, host("core1"), host("bastion1")) == Journey("mgmt", "mgmt", ())
    assert path.journey(model, host("edge1"), host("db1")) == Journey("dmz", "data", (CORE,))


def test_firewall_as_destination_is_reached_on_the_near_leg(model: Model) -> None:
    assert path.journey(model, host("bastion1"), host("edge1")).end == "dmz"
    assert path.journey(model, INTERNET, host("edge1")) == Journey("internet", "internet", ())


def test_no_path() -> None:
    files = {"hosts.yml": HOSTS.encode()}
    with pytest.raises(NoPathError, match="no firewall joins dmz to data"):
        path.path(base(files), host("web1"), Endpoint("zone", "data"))


HOSTS = """
all:
  children:
    fleet:
      children:
        edge: {hosts: {edge1: {legs: {internet: 192.0.2.2, dmz: 10.0.1.2}}}}
        core: {hosts: {core1: {legs: {dmz: 10.0.1.3, mgmt: 10.0.3.3}}}}
        web: {hosts: {web1: {legs: {dmz: 10.0.1.10}}}}
        db: {hosts: {db1: {legs: {mgmt: 10.0.3.11}}}}
        bastion: {hosts: {bastion1: {legs: {mgmt: 10.0.3.10}}}}
"""


def test_management_addresses(model: Model) -> None:
    hosts = model.fleet.hosts.values()
    assert {each.name: str(path.management_address(model, each)) for each in hosts} == {
        "edge1": "10.0.1.2",
        "core1": "10.0.3.3",
        "web1": "10.0.1.10",
        "db1": "10.0.2.10",
        "bastion1": "10.0.3.10",
    }


def test_public_addresses(model: Model) -> None:
    assert [str(address) for address in path.public_addresses(model, "edge")] == ["192.0.2.2"]
    assert path.public_addresses(model, "web") == path.public_addresses(model, "no group") == ()


def test_networks_of_an_end(model: Model) -> None:
    data = Endpoint("zone", "data")
    assert path.networks(model, host("core1"), host("db1"), 4) == (ip_network("10.0.2.3/32"),)
    assert path.networks(model, data, host("web1"), 4) == (ip_network("10.0.2.0/24"),)
    assert path.networks(model, host("web1"), host("db1"), 6) == ()
    assert path.networks(model, INTERNET, host("web1"), 4) is None


def test_source_is_translated_only_when_it_leaves(model: Model) -> None:
    mail = Endpoint("external", "mail")
    assert str(path.translated_source(model, host("db1"), mail, 4)) == "192.0.2.2"
    assert path.translated_source(model, host("edge1"), mail, 4) is None
    assert path.translated_source(model, host("web1"), host("db1"), 4) is None


def routes(model: Model, name: str) -> list[str]:
    return [f"{hop.destination} via {hop.via}" for hop in path.next_hops(model, name)]


def test_next_hops(model: Model) -> None:
    assert routes(model, "web1") == [
        "0.0.0.0/0 via 10.0.1.2",
        "10.0.2.0/24 via 10.0.1.3",
        "10.0.3.0/24 via 10.0.1.3",
    ]
    assert routes(model, "edge1") == [
        "0.0.0.0/0 via 192.0.2.1",
        "10.0.2.0/24 via 10.0.1.3",
        "10.0.3.0/24 via 10.0.1.3",
    ]
    assert routes(model, "core1") == ["0.0.0.0/0 via 10.0.1.2"]
    assert routes(model, "db1") == ["0.0.0.0/0 via 10.0.2.3"]


def test_the_world_outside_knows_no_inner_network() -> None:
    assert routes(inventory("lab"), "client1") == ["0.0.0.0/0 via 192.168.56.1"]


def test_every_next_hop_is_on_link() -> None:
    for name in ("lab", "production"):
        model = inventory(name)
        for each in model.fleet.hosts.values():
            hops: tuple[NextHop, ...] = path.next_hops(model, each.name)
            assert all(any(hop.via in leg.network for leg in each.legs) for hop in hops)


def test_families_are_those_of_both_ends_and_of_the_firewalls_between() -> None:
    model = inventory("production")
    assert path.families(model, INTERNET, host("web1")) == (4, 6)
    assert path.families(model, INTERNET, host("bastion1")) == (4,)
    assert path.families(model, host("web1"), host("edge1")) == (4, 6)


def test_ways_back_are_ways_there_reversed(model: Model) -> None:
    ends = [host(name) for name in model.fleet.hosts]
    for one in ends:
        for other in ends:
            there, back = path.path(model, one, other), path.path(model, other, one)
            assert [hop.host for hop in there] == [hop.host for hop in reversed(back)]
