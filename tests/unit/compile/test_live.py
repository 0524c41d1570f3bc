"""The rules at work: connections through namespaces on this machine, in which only the compiled texts are loaded."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import pytest

from network.model import Leg, Model
from network.read import load
from tests.unit.compile.namespaces import Answer, Namespaces
from tests.unit.compile.test_cases import CASES

pytestmark = [pytest.mark.needs_root, pytest.mark.thorough]

PORTS = (22, 80, 443, 587, 3000, 3128, 5432, 5671, 8444, 19532)
DROPPED = Answer("dropped")
PROHIBITED = Answer("prohibited")

# Where from, the address and port, who must answer, and from where it must seem to come.
ALLOWED = (
    ("client1", "192.168.56.2", 443, "web1", "192.168.56.10"),
    ("client1", "192.168.56.2", 80, "web1", "192.168.56.10"),
    ("operator", "192.168.56.2", 22, "bastion1", "192.168.56.1"),
    ("intruder", "192.168.56.2", 443, "web1", "192.168.56.66"),
    ("worker1", "192.168.57.10", 8444, "web1", "192.168.58.10"),
    ("web1", "192.168.58.10", 3000, "worker1", "192.168.57.10"),
    ("web1", "192.168.60.10", 5432, "db1", "192.168.57.10"),
    ("gateway1", "192.168.59.10", 5671, "broker1", "192.168.58.20"),
    ("gateway1", "192.168.56.20", 587, "outside1", "192.168.56.2"),
    ("bastion1", "192.168.56.20", 22, "outside1", "192.168.56.2"),
    ("bastion1", "192.168.57.2", 22, "edge1", "192.168.61.10"),
    ("bastion1", "192.168.61.3", 22, "core1", "192.168.61.10"),
    ("bastion1", "192.168.60.10", 22, "db1", "192.168.61.10"),
    ("edge1", "192.168.61.10", 3128, "bastion1", "192.168.57.2"),
    ("core1", "192.168.61.10", 3128, "bastion1", "192.168.61.3"),
    ("db1", "192.168.61.10", 19532, "bastion1", "192.168.60.10"),
)

# What a host's own rules keep it from: the error is there at once.
PROHIBITED_AT_HOME = (
    ("worker1", "192.168.57.10", 443),
    ("worker1", "192.168.58.20", 22),
    ("web1", "192.168.58.10", 22),
    ("web1", "192.168.60.10", 22),
    ("db1", "192.168.57.10", 8444),
    ("client1", "192.168.57.10", 443),
    ("client1", "192.168.56.2", 22),
    ("gateway1", "192.168.56.10", 587),
    ("bastion1", "192.168.57.10", 443),
    ("edge1", "192.168.57.10", 443),
    ("edge1", "192.168.56.20", 443),
)


@pytest.fixture(scope="module")
def fleet(lab: Model) -> Iterator[Namespaces]:
    network = lab.fleet.untrusted.networks[0]
    zone = lab.fleet.untrusted.name
    strangers = {
        "operator": Leg(zone, ip_address("192.168.56.1"), network),
        "intruder": Leg(zone, ip_address("192.168.56.66"), network),
    }
    with Namespaces(lab, strangers, PORTS) as fleet:
        # An intruder outside knows the private addresses, and the way.
        fleet.command("intruder", "ip", "route", "add", "192.168.56.0/21", "via", "192.168.56.2")
        yield fleet


def together(fleet: Namespaces, attempts: list[tuple[str, str, int, str]]) -> dict[tuple[str, str, int, str], Answer]:
    """Make attempts that are expected to time out, all at the same time."""
    with ThreadPoolExecutor(len(attempts)) as pool:
        answers = pool.map(lambda each: fleet.connect(each[0], each[1], each[2], source=each[3], wait=1), attempts)
        return dict(zip(attempts, answers, strict=True))


def test_what_the_policy_names_gets_through(fleet: Namespaces) -> None:
    found = {each: fleet.connect(*each[:3]) for each in ALLOWED}
    assert found == {each: Answer("answered", each[3], each[4]) for each in ALLOWED}


def test_a_host_refuses_itself_what_it_may_not(fleet: Namespaces) -> None:
    found = {each: fleet.connect(*each) for each in PROHIBITED_AT_HOME}
    assert found == dict.fromkeys(PROHIBITED_AT_HOME, PROHIBITED)


def test_an_error_of_a_router_reaches_its_connection(fleet: Namespaces) -> None:
    """The packet dies at the core, whose ICMP error belongs to the connection and so may pass."""
    assert fleet.connect("web1", "192.168.60.10", 5432, hops=1) == PROHIBITED


def test_an_intruder_outside_gets_no_further(fleet: Namespaces) -> None:
    before = fleet.counted("edge1", "deny:fwd"), fleet.counted("edge1", "deny:in")
    attempts = [
        ("intruder", address, port, "")
        for address, port in (
            ("192.168.57.10", 443),  # the published host itself, not by its public address
            ("192.168.57.10", 22),
            ("192.168.61.10", 22),
            ("192.168.58.10", 3000),
            ("192.168.56.2", 22),  # published for the operators only
            ("192.168.56.2", 8444),
            ("192.168.57.2", 22),
            ("192.168.56.20", 22),  # a neighbour outside, with rules of its own
        )
    ]
    assert set(together(fleet, attempts).values()) == {DROPPED}
    assert fleet.counted("edge1", "deny:fwd") >= before[0] + 4
    assert fleet.counted("edge1", "deny:in") >= before[1] + 3


def test_a_false_source_is_dropped_before_anything_else(fleet: Namespaces) -> None:
    fleet.command("intruder", "ip", "address", "add", "192.168.61.10/32", "dev", "lo")
    fleet.command("intruder", "ip", "address", "add", "192.168.57.10/32", "dev", "lo")
    before = fleet.counted("edge1", "deny:spoof")
    attempts = [
        ("intruder", "192.168.57.2", 22, "192.168.61.10"),
        ("intruder", "192.168.58.10", 3000, "192.168.57.10"),
    ]
    assert set(together(fleet, attempts).values()) == {DROPPED}
    assert fleet.counted("edge1", "deny:spoof") >= before + 2


def test_an_intruder_in_a_host_gets_no_further_than_its_flows(fleet: Namespaces) -> None:
    for host in ("web1", "worker1"):
        fleet.open(host)
    try:
        fleet.command("web1", "ip", "address", "add", "192.168.58.10/32", "dev", "lo")
        before = {
            (host, comment): fleet.counted(host, comment)
            for host in ("core1", "edge1", "gateway1")
            for comment in ("deny:fwd", "deny:in", "deny:spoof", "deny:invalid")
        }
        attempts = [
            ("web1", "192.168.58.20", 22, ""),
            ("web1", "192.168.60.10", 22, ""),
            ("web1", "192.168.61.10", 22, ""),
            ("web1", "192.168.57.2", 22, ""),
            ("web1", "192.168.57.3", 22, ""),
            ("web1", "192.168.56.20", 443, ""),
            ("web1", "192.168.60.10", 5432, "192.168.58.10"),  # as if it were the worker
            ("worker1", "192.168.57.10", 443, ""),
            ("worker1", "192.168.58.20", 22, ""),  # on the same segment: only the neighbour's own rules are between
        ]
        assert set(together(fleet, attempts).values()) == {DROPPED}
        fleet.stray("web1", "192.168.57.10", "192.168.60.10", 5432)
        risen = {each for each, count in before.items() if fleet.counted(*each) > count}
        assert risen == {
            ("core1", "deny:fwd"),
            ("core1", "deny:in"),
            ("core1", "deny:spoof"),
            ("core1", "deny:invalid"),
            ("edge1", "deny:fwd"),
            ("edge1", "deny:in"),
            ("gateway1", "deny:in"),
        }
        # What its flows allow still works, and is all that works.
        assert fleet.connect("web1", "192.168.60.10", 5432).host == "db1"
    finally:
        fleet.command("web1", "ip", "address", "delete", "192.168.58.10/32", "dev", "lo")


def test_ipv6_is_walled_in_the_same_way() -> None:
    """With neighbour discovery, without which nothing would be answered at all."""
    model = load(CASES / "dual-stack/policy.yml", CASES / "dual-stack/inventory")
    untrusted = model.fleet.untrusted
    stranger = Leg(untrusted.name, ip_address("2001:db8::66"), untrusted.networks[1])
    with Namespaces(model, {"intruder": stranger}, (22, 443, 5432)) as fleet:
        fleet.command("intruder", "ip", "route", "add", "fd00::/16", "via", "2001:db8::2")
        fleet.command("intruder", "ip", "address", "add", "fd00:2::10/128", "dev", "lo")
        assert fleet.connect("outside1", "2001:db8::2", 443) == Answer("answered", "web1", "2001:db8::20")
        assert fleet.connect("web1", "fd00:2::10", 5432) == Answer("answered", "worker1", "fd00:1::10")
        assert fleet.connect("worker1", "fd00:1::10", 22) == Answer("answered", "web1", "fd00:2::10")
        assert fleet.connect("worker1", "fd00:1::10", 443) == PROHIBITED
        attempts = [
            ("intruder", "fd00:1::10", 443, "2001:db8::66"),
            ("intruder", "2001:db8::2", 22, "2001:db8::66"),
            ("intruder", "fd00:1::10", 22, "fd00:2::10"),
        ]
        assert set(together(fleet, attempts).values()) == {DROPPED}
        assert all(fleet.counted("edge1", f"deny:{name}", 6) > 0 for name in ("fwd", "in", "spoof"))
