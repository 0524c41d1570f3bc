from pathlib import Path

import pytest

from network.check.reach import UNDECLARED, canaries, doors, forgeries, probes
from network.read import load

MODEL = load(Path("network/policy.yml"), Path("inventory/lab"))
PROBES = probes(MODEL)
ALLOWED = {(probe.source, str(probe.address), probe.port): probe.flow.id for probe in PROBES if probe.flow is not None}


def test_doors_are_those_of_all_services_and_some_of_none() -> None:
    assert set(UNDECLARED) <= set(doors(MODEL))
    assert {port for _, port in doors(MODEL)} >= {service.first for service in MODEL.services.values()}


def test_probes_knock_at_every_address_of_every_other_host() -> None:
    legs = sum(len(host.legs) for host in MODEL.fleet.hosts.values())
    own = sum(len(host.legs) for host in MODEL.fleet.hosts.values())

    assert len(PROBES) == len(doors(MODEL)) * (len(MODEL.fleet.hosts) * legs - own)


@pytest.mark.parametrize(
    ("source", "address", "port", "flow"),
    [
        ("worker1", "192.168.57.10", 8444, "status-callback"),
        ("web1", "192.168.58.10", 3000, "hand-over"),
        ("client1", "192.168.56.2", 443, "public-https"),
        ("gateway1", "192.168.56.20", 587, "gateway-providers"),
        ("bastion1", "192.168.57.2", 22, "fleet-ssh"),
    ],
)
def test_probes_that_a_flow_allows(source: str, address: str, port: int, flow: str) -> None:
    assert ALLOWED[source, address, port] == flow


@pytest.mark.parametrize(
    ("source", "address", "port"),
    [
        ("gateway1", "192.168.57.10", 8444),
        ("client1", "192.168.57.10", 443),  # Not by the private address behind the edge.
        ("client1", "192.168.56.2", 22),  # Published, but for operators only.
        ("bastion1", "192.168.58.3", 22),  # A leg that does not face the bastion.
        ("worker1", "192.168.61.10", 22),
        ("edge1", "192.168.57.10", 443),
    ],
)
def test_probes_that_no_flow_allows(source: str, address: str, port: int) -> None:
    assert (source, address, port) not in ALLOWED


@pytest.mark.parametrize(
    ("source", "address", "denier"),
    [
        ("worker1", "192.168.60.10", "core1"),
        ("worker1", "192.168.58.20", "gateway1"),
        ("worker1", "192.168.57.3", "core1"),
        ("worker1", "192.168.56.2", "core1"),
        ("client1", "192.168.58.3", "edge1"),
        ("client1", "192.168.57.2", "edge1"),
        ("web1", "192.168.57.2", "edge1"),
    ],
)
def test_denier_is_the_first_to_look_at_the_packet(source: str, address: str, denier: str) -> None:
    assert {probe.denier for probe in PROBES if probe.source == source and str(probe.address) == address} == {denier}


def test_edge_passes_for_whom_it_translates() -> None:
    masked = {(probe.source, probe.target, probe.port): probe.masked.id for probe in PROBES if probe.masked is not None}

    assert masked == {
        ("edge1", "outside1", 443): "gateway-providers",
        ("edge1", "outside1", 587): "gateway-providers",
        ("edge1", "outside1", 22): "stand-in-ssh",
        ("edge1", "client1", 22): "stand-in-ssh",
    }


def test_every_source_has_a_canary() -> None:
    assert all(canaries(MODEL, PROBES).values())


def test_forgeries_lie_across_a_firewall() -> None:
    lies = {lie.attacker: lie for lie in forgeries(MODEL, PROBES)}

    assert lies.keys() == {name for name, host in MODEL.fleet.hosts.items() if not host.firewall}
    for lie in lies.values():
        assert lie.forged not in {
            leg.address
            for zone in MODEL.fleet.hosts[lie.attacker].zones
            for host in MODEL.fleet.hosts_in(zone)
            for leg in host.legs
        }
        assert MODEL.fleet.hosts[lie.denier].firewall
