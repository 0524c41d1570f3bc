from ipaddress import ip_address, ip_network

import pytest

from network.errors import UserError
from network.lab.blueprint import Attachment, Blueprint, Port, bridge_name, draw
from network.model import Model
from tests.unit.lab.fleet import model

PORTS = {"ssh": Port("127.0.0.1", 2222, 22)}


def drawn(given: Model) -> Blueprint:
    return draw(given, image="base", ports=PORTS, options=("--option",), mtu=1400)


def test_a_segment_for_every_zone_and_a_container_for_every_host() -> None:
    blueprint = drawn(model())
    assert list(blueprint.segments) == ["sallyport-0-internet", "sallyport-dmz", "sallyport-data", "sallyport-mgmt"]
    assert {item.host for item in blueprint.containers.values()} == set(model().fleet.hosts)


def test_bridges_bear_the_zones_name_where_it_is_short_enough() -> None:
    assert bridge_name("internet") == "sp-internet"
    assert len(bridge_name("a-zone-with-a-long-name")) == 15
    assert bridge_name("a-zone-with-a-long-name") != bridge_name("a-zone-with-a-long-name2")


def test_only_the_untrusted_segment_leads_outside() -> None:
    assert [item.zone for item in drawn(model()).segments.values() if item.outside] == ["internet"]


def test_untrusted_network_sorts_before_every_other() -> None:
    """Docker publishes ports through the network whose name comes first."""
    edge = drawn(model()).containers["sallyport-edge1"]
    assert min(drawn(model()).segments) == "sallyport-0-internet" == edge.attachments[0].segment


def test_ports_are_published_on_the_edge_alone() -> None:
    published = {item.host: item.ports for item in drawn(model()).containers.values() if item.ports}
    assert published == {"edge1": (PORTS["ssh"],)}


def test_a_firewall_has_a_leg_in_each_of_its_zones() -> None:
    assert drawn(model()).containers["sallyport-core1"].attachments == (
        Attachment("sallyport-data", "192.168.60.3", None),
        Attachment("sallyport-dmz", "192.168.57.3", None),
        Attachment("sallyport-mgmt", "192.168.61.3", None),
    )


def test_gateway_is_the_zones_own_or_an_address_nobody_has() -> None:
    legs = {"edge1": {"internet": 2, "dmz": 1}, "bastion1": {"mgmt": 10}, "core1": {"dmz": 2, "mgmt": 1}}
    segments = drawn(model(legs=legs)).segments
    assert segments["sallyport-0-internet"].gateways == ("192.168.56.1",)
    assert segments["sallyport-dmz"].gateways == ("192.168.57.3",)


def test_two_addresses_in_a_zone_refused() -> None:
    given = model()
    web = given.fleet.hosts["web1"]
    second = type(web.legs[0])("dmz", ip_address("192.168.57.11"), web.legs[0].network)
    hosts = {**given.fleet.hosts, "web1": type(web)("web1", (*web.legs, second), web.groups)}
    fleet = type(given.fleet)(**{**vars(given.fleet), "hosts": hosts})
    with pytest.raises(UserError, match=r"192\.168\.57\.10 and 192\.168\.57\.11 in zone dmz"):
        drawn(Model(fleet, given.services, given.flows))


def test_full_network_refused() -> None:
    given = model(legs={"edge1": {"internet": 2, "dmz": 1}})
    small = ip_network("192.168.57.0/31")
    dmz = given.fleet.zones["dmz"]
    zones = {**given.fleet.zones, "dmz": type(dmz)(dmz.name, dmz.trust, "", (small,))}
    fleet = type(given.fleet)(**{**vars(given.fleet), "zones": zones})
    with pytest.raises(UserError, match="every address of"):
        drawn(Model(fleet, given.services, given.flows))


def test_no_edge_refused() -> None:
    with pytest.raises(UserError, match="entered through its edge firewall"):
        drawn(model(legs={"core1": {"dmz": 3, "mgmt": 3}, "bastion1": {"mgmt": 10}}))
