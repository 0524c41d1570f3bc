"""The whole lab, as it is loaded: one folder a host, for reading and for review."""

from collections.abc import Callable
from pathlib import Path

import pytest

from network.compile.hosts import hosts_file
from network.compile.iptables import compile_host
from network.compile.routes import routes
from network.model import Model
from tests.unit.compile.walker import Ruleset, Sets

LAB = Path(__file__).parent / "lab"
HOSTS = ("edge1", "core1", "web1", "worker1", "gateway1", "broker1", "db1", "bastion1", "client1", "outside1")


@pytest.mark.parametrize("host", HOSTS)
def test_what_a_host_of_the_lab_gets(lab: Model, host: str, expect: Callable[[Path, str], None]) -> None:
    firewall = compile_host(lab, host)
    expect(LAB / host / "rules.v4", firewall.v4)
    expect(LAB / host / "rules.v6", firewall.v6)
    expect(LAB / host / "sets", firewall.sets)
    expect(LAB / host / "hosts", hosts_file(lab, host))
    lines = [
        f"{route['to']} via {route['via']}" if "via" in route else f"{route['to']} unreachable"
        for route in routes(lab, host)
    ]
    expect(LAB / host / "routes", "".join(f"{line}\n" for line in lines))


def test_every_host_of_the_lab_is_shown(lab: Model) -> None:
    assert set(HOSTS) == set(lab.fleet.hosts) == {path.name for path in LAB.iterdir()}


def test_compiling_twice_gives_the_same(lab: Model) -> None:
    assert all(compile_host(lab, host) == compile_host(lab, host) for host in HOSTS)


@pytest.mark.parametrize("host", HOSTS)
def test_the_lab_is_shallow_and_its_names_fit(lab: Model, host: str) -> None:
    firewall = compile_host(lab, host)
    sets = Sets.parse(firewall.sets)
    assert all(len(name) <= 31 for name in sets.kinds)
    for text in (firewall.v4, firewall.v6):
        rules = Ruleset(text, sets)
        for table in rules.tables.values():
            assert all(len(chain) <= 28 for chain in table)
            assert all(len(rule.comment) <= 256 for chain in table.values() for rule in chain)
        assert max(rules.depth("filter", chain) for chain in ("INPUT", "FORWARD", "OUTPUT")) <= 20
