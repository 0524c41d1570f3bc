"""The derived variables of the lab and of the example for production."""

import json
from random import Random
from typing import Any

import pytest

from network.compile.variables import host_variables
from network.errors import UserError
from network.model import Model
from network.read import model_of
from tests.unit.read.environment import HERE, ROOT, base, files, inventory


@pytest.fixture(scope="module")
def lab() -> Model:
    return inventory("lab")


def flow(model: Model, host: str, direction: str, name: str) -> list[dict[str, Any]]:
    variables = host_variables(model, host)
    return [entry for entry in variables[f"sallyport_flows_{direction}"] if entry["id"] == name]


@pytest.mark.parametrize("environment", ["lab", "production"])
def test_every_host_has_all_of_them_and_json_holds_them(environment: str) -> None:
    model = inventory(environment)
    names = {
        host: {name for name, _ in json.loads(json.dumps(host_variables(model, host))).items()}
        for host in model.fleet.hosts
    }
    common = set.intersection(*names.values())
    assert common == {
        "ansible_host",
        "sallyport_address",
        "sallyport_firewall",
        "sallyport_flows_in",
        "sallyport_flows_out",
        "sallyport_forwards",
        "sallyport_hosts_file",
        "sallyport_legs",
        "sallyport_mirrors",
        "sallyport_nginx",
        "sallyport_routes",
        "sallyport_zone",
        "sallyport_zones",
    }
    with_proxy = {host for host, given in names.items() if given - common == {"sallyport_proxy_url"}}
    assert with_proxy == set(model.fleet.groups["fleet"]) - {"bastion1"}


def test_where_a_host_stands(lab: Model) -> None:
    variables = host_variables(lab, "edge1")
    assert variables["ansible_host"] == "192.168.57.2"
    assert (variables["sallyport_zone"], variables["sallyport_zones"]) == ("internet", ["internet", "dmz"])
    assert variables["sallyport_address"] == "192.168.56.2"
    assert variables["sallyport_forwards"] is True
    assert variables["sallyport_legs"][1] == {
        "zone": "dmz",
        "address": "192.168.57.2",
        "prefix": 24,
        "network": "192.168.57.0/24",
    }


def test_guarded_flow(lab: Model) -> None:
    (entry,) = flow(lab, "web1", "in", "status-callback")
    assert entry == {
        "id": "status-callback",
        "service": "callback",
        "proto": "tcp",
        "port": 8444,
        "last_port": 8444,
        "from": ["192.168.58.10/32"],
        "from_hosts": ["worker1"],
        "to_address": "192.168.57.10",
        "to_addresses": ["192.168.57.10"],
        "http": {"method": "PUT", "path": "/stocks/{id}/put", "auth": "callback-token"},
    }


def test_published_flow_is_dialled_at_the_public_address(lab: Model) -> None:
    (entry,) = flow(lab, "client1", "out", "public-https")
    assert (entry["to"], entry["to_hosts"]) == (["192.168.56.2/32"], ["web1"])


def test_published_flow_arrives_from_anywhere_but_the_other_zones(lab: Model) -> None:
    (entry,) = flow(lab, "web1", "in", "public-https")
    assert "192.168.56.0/24" in entry["from"]
    assert not any(network.startswith("192.168.57.") for network in entry["from"])
    # The edge is no visitor, though it has an address out there: it faces web1 from within.
    assert entry["from_hosts"] == ["client1", "outside1"]


def test_flow_that_leaves_arrives_from_the_edge(lab: Model) -> None:
    entries = flow(lab, "outside1", "in", "gateway-providers")
    assert [entry["port"] for entry in entries] == [587, 443]
    assert {(*entry["from"], *entry["from_hosts"]) for entry in entries} == {("192.168.56.2/32", "gateway1")}


def test_flow_to_an_external_names_its_hosts_if_it_has_any(lab: Model) -> None:
    assert {(*entry["to"], *entry["to_hosts"]) for entry in flow(lab, "gateway1", "out", "gateway-providers")} == {
        ("192.168.56.20/32", "outside1")
    }
    production = inventory("production")
    assert all(entry["to_hosts"] == [] for entry in flow(production, "gateway1", "out", "gateway-providers"))


def test_no_host_has_a_flow_to_itself(lab: Model) -> None:
    for host in lab.fleet.hosts:
        variables = host_variables(lab, host)
        assert not any(host in entry["from_hosts"] for entry in variables["sallyport_flows_in"])
        assert not any(host in entry["to_hosts"] for entry in variables["sallyport_flows_out"])


def test_both_ends_see_the_same_flows(lab: Model) -> None:
    """What one host may open to another, that other may receive from it."""
    opened, received = talks(lab)
    assert opened == received
    assert ("status-callback", 8444, "worker1", "web1") in opened


def test_firewall_is_administered_at_the_leg_that_faces_the_bastion(lab: Model) -> None:
    (entry,) = flow(lab, "edge1", "in", "fleet-ssh")
    assert entry["to_address"] == "192.168.57.2"


def test_mirrors_and_proxy() -> None:
    production = inventory("production")
    variables = host_variables(production, "bastion1")
    assert variables["sallyport_mirrors"] == ["mirror.example.net", "security.mirror.example.net"]
    assert "sallyport_proxy_url" not in variables
    assert host_variables(production, "db1")["sallyport_proxy_url"] == "http://bastion1:3128"


def test_found_mirrors_join_the_given_ones() -> None:
    found = b"network_externals_found: {mail: {smtp.example.net: [198.51.100.25, 198.51.100.26]}}\n"
    policy = files(HERE / "base")["policy.yml"].replace(b"to: db", b"to: mail")
    model = base({"group_vars/all/machine.yml": found, "policy.yml": policy})
    mail = model.fleet.externals["mail"]
    assert [str(network) for network in mail.networks] == ["198.51.100.25/32", "198.51.100.26/32"]
    assert host_variables(model, "web1")["sallyport_mirrors"] == ["smtp.example.net"]


def test_both_families_in_production() -> None:
    production = inventory("production")
    (entry,) = flow(production, "web1", "in", "public-https")
    assert entry["to_addresses"] == ["10.20.1.10", "2001:db8:20:1::10"]
    (callback,) = flow(production, "web1", "in", "status-callback")
    assert callback["to_addresses"] == ["10.20.1.10"]
    rules = host_variables(production, "edge1")["sallyport_firewall"]
    assert "--to-destination 10.20.1.10" in rules["v4"]
    assert "2001:db8:20:1::10" in rules["v6"]


def test_groups_without_hosts_compile_to_nothing() -> None:
    production = inventory("production")
    assert production.fleet.groups["stand_ins"] == ()
    assert not any("stand-in" in json.dumps(host_variables(production, host)) for host in production.fleet.hosts)


def test_what_is_accepted_compiles_and_both_ends_agree() -> None:
    """Random flows: each is refused when it is read, or every host gets its variables."""
    random = Random(3)  # noqa: S311  the same flows each time
    given = files(ROOT / "inventory/lab")
    given.pop("group_vars/all/machine.yml", None)
    policy = (ROOT / "network/policy.yml").read_text().split("flows:")[0]
    ends = [
        "internet",
        "dmz",
        "app",
        "edge",
        "core",
        "fleet",
        "stand_ins",
        "web",
        "db1",
        "operators",
        "package-mirrors",
    ]
    accepted = 0
    for _ in range(60):
        sources, destinations = (random.sample(ends, random.choice((1, 1, 2))) for _ in range(2))
        flow = f"id: f, from: {sources}, to: {destinations}, service: [https, ssh], why: w, owner: o"
        flow += ", review_by: 2027-06-01" + random.choice(("", "", ", publish: edge"))
        flow += ", any_destination: w" if "internet" in destinations else ""
        try:
            model = model_of("policy", f"{policy}flows: [{{{flow}}}]\n".encode(), "inventory", given)
        except UserError:
            continue
        accepted += 1
        opened, received = talks(model)
        assert opened == received, flow
    assert accepted > 10


def talks(model: Model) -> tuple[set[tuple[str, int, str, str]], set[tuple[str, int, str, str]]]:
    """Return what hosts may open to each other: as those see it that open it, and those that receive it."""
    opened, received = set(), set()
    for host in model.fleet.hosts:
        variables = host_variables(model, host)
        for entry in variables["sallyport_flows_out"]:
            opened |= {(entry["id"], entry["port"], host, peer) for peer in entry["to_hosts"]}
        for entry in variables["sallyport_flows_in"]:
            received |= {(entry["id"], entry["port"], peer, host) for peer in entry["from_hosts"]}
    return opened, received
