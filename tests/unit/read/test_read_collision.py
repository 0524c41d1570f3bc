from ipaddress import ip_network

from network.read.collision import MachineNetwork, collisions
from tests.unit.read.environment import base


def found(*machine: tuple[str, str], own: tuple[str, ...] = ()) -> list[str]:
    networks = [MachineNetwork(ip_network(network), interface) for network, interface in machine]
    return [problem.found for problem in collisions(base(), networks, own)]


def test_networks_apart() -> None:
    assert found(("172.17.0.0/16", "docker0"), ("10.0.4.0/24", "eth0")) == []


def test_default_route_is_no_network() -> None:
    assert found(("0.0.0.0/0", "eth0"), ("::/0", "eth0")) == []


def test_wider_and_narrower_networks_collide() -> None:
    assert found(("10.0.0.0/23", "tun0"), ("10.0.2.8/30", "eth1")) == [
        "10.0.1.0/24, which overlaps 10.0.0.0/23 on this machine's interface tun0",
        "10.0.2.0/24, which overlaps 10.0.2.8/30 on this machine's interface eth1",
    ]


def test_own_bridges_do_not_collide() -> None:
    assert found(("10.0.1.0/24", "br-sallyport"), own=("br-sallyport",)) == []


def test_address_and_route_of_one_interface_are_told_once() -> None:
    assert len(found(("10.0.1.0/24", "eth0"), ("10.0.1.0/24", "eth0"))) == 1


def test_families_are_apart() -> None:
    assert found(("fd00::/8", "eth0")) == []
