"""A small environment for the lab's tests: a visitor, an edge, a web server, a core, a database and a bastion."""

from datetime import date
from ipaddress import ip_address, ip_network

from network.model import Endpoint, Fleet, Flow, Host, Leg, Model, Service, Zone

_NETWORKS = {"internet": 56, "dmz": 57, "data": 60, "mgmt": 61}
_TRUST = {"internet": "untrusted", "dmz": "public", "data": "private", "mgmt": "management"}
_LEGS = {
    "edge1": {"internet": 2, "dmz": 2},
    "core1": {"dmz": 3, "data": 3, "mgmt": 3},
    "web1": {"dmz": 10},
    "db1": {"data": 10},
    "bastion1": {"mgmt": 10},
    "client1": {"internet": 10},
}


def model(*, way_in: bool = True, legs: dict[str, dict[str, int]] | None = None) -> Model:
    """Return the environment; without a way in, no flow is published to the bastion."""
    zones = {
        name: Zone(
            name,
            _TRUST[name],
            "",
            (ip_network(f"192.168.{third}.0/24"),),
            (ip_address("192.168.56.1"),) if name == "internet" else (),
        )
        for name, third in _NETWORKS.items()
    }
    hosts = {name: _host(name, zones, given) for name, given in (legs or _LEGS).items()}
    ssh = Service("ssh", "tcp", 22, 22)
    flow = Flow(
        "operator-ssh",
        ("internet",),
        ("bastion",),
        (Endpoint("zone", "internet"),),
        (Endpoint("host", "bastion1"),),
        (ssh,),
        "edge",
        None,
        "",
        "",
        date(2027, 1, 1),
        "policy.yml:1",
    )
    groups = {"edge": ("edge1",), "bastion": ("bastion1",)}
    fleet = Fleet("lab", "sallyport.test", (), zones, hosts, groups, {})
    return Model(fleet, {"ssh": ssh}, (flow,) if way_in else ())


def _host(name: str, zones: dict[str, Zone], given: dict[str, int]) -> Host:
    legs = tuple(
        Leg(zone, ip_address(f"192.168.{_NETWORKS[zone]}.{last}"), zones[zone].networks[0])
        for zone, last in given.items()
    )
    return Host(name, legs, frozenset())
