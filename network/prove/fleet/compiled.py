"""What hosts would answer if they had loaded just what is compiled for them: a fleet to prove without a fleet.

Interfaces, addresses, routes and kernel settings are what the inventory makes of a host; names of interfaces are made
up, for compiled rules name none.
"""

import json
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from network.compile.iptables import Firewall, compile_host
from network.compile.routes import routes
from network.model import Host, Model
from network.prove.fleet.snapshot import SECTIONS

SECONDS = 1_800_000_000


def interface(host: Host, leg_zone: str) -> str:
    """Name the interface of a host in a zone."""
    return f"eth{host.zones.index(leg_zone)}"


def answer(model: Model, name: str, firewall: Firewall | None = None) -> str:
    """Give a host's answer to the gathering script, with the compiled rules or the ones given."""
    host = model.fleet.hosts[name]
    firewall = firewall or compile_host(model, name)
    contents = {
        "identity": f"{name}\n{SECONDS}\nLinux 6.1.0",
        "rules.v4": firewall.v4.strip(),
        "rules.v6": firewall.v6.strip(),
        "sets": firewall.sets.strip(),
        "legacy": "",
        "nft": "absent",
        "addresses": json.dumps(list(_addresses(host))),
        "routes.v4": json.dumps(list(_routes(model, host, 4))),
        "routes.v6": json.dumps(list(_routes(model, host, 6))),
        "rule.v4": json.dumps([{"priority": 0, "src": "all", "table": "local"}, *_lookups(32766, "main", "default")]),
        "rule.v6": json.dumps([{"priority": 0, "src": "all", "table": "local"}, *_lookups(32766, "main")]),
        "kernel": "\n".join(_kernel(host)),
    }
    return "".join(f"=== {section}\n{contents[section]}\n=== exit 0 {section}\n" for section in SECTIONS)


def _lookups(first: int, *tables: str) -> Iterator[dict[str, Any]]:
    for number, table in enumerate(tables, first):
        yield {"priority": number, "src": "all", "table": table}


def _speaks(host: Host, version: int) -> bool:
    return any(leg.address.version == version for leg in host.legs)


def _addresses(host: Host) -> Iterator[dict[str, Any]]:
    loopback = [{"family": "inet", "local": "127.0.0.1", "prefixlen": 8, "scope": "host"}]
    if _speaks(host, 6):
        loopback.append({"family": "inet6", "local": "::1", "prefixlen": 128, "scope": "host"})
    yield {"ifindex": 1, "ifname": "lo", "flags": ["LOOPBACK", "UP"], "addr_info": loopback}
    for number, zone in enumerate(host.zones):
        found = [
            {
                "family": "inet" if leg.address.version == 4 else "inet6",
                "local": str(leg.address),
                "prefixlen": leg.network.prefixlen,
                "scope": "global",
            }
            for leg in host.legs
            if leg.zone == zone
        ]
        if any(leg.address.version == 6 for leg in host.legs if leg.zone == zone):
            found.append({"family": "inet6", "local": f"fe80::{number + 1}", "prefixlen": 64, "scope": "link"})
        yield {"ifindex": number + 2, "ifname": f"eth{number}", "flags": ["BROADCAST", "UP"], "addr_info": found}


def _routes(model: Model, host: Host, version: int) -> Iterator[dict[str, Any]]:
    local: dict[str, Any] = {"type": "local", "table": "local", "protocol": "kernel", "flags": []}
    if version == 4:
        yield local | {"dst": "127.0.0.0/8", "dev": "lo"}
        yield local | {"dst": "127.255.255.255", "dev": "lo", "type": "broadcast"}
    elif _speaks(host, 6):
        yield local | {"dst": "::1", "dev": "lo"}
    for leg in host.legs:
        if leg.address.version == version:
            dev = interface(host, leg.zone)
            yield {"dst": str(leg.network), "dev": dev, "protocol": "kernel", "prefsrc": str(leg.address), "flags": []}
            yield local | {"dst": str(leg.address), "dev": dev}
            if version == 4:
                yield local | {"dst": str(leg.network[-1]), "dev": dev, "type": "broadcast"}
            else:
                yield {"dst": "fe80::/64", "dev": dev, "protocol": "kernel", "metric": 256, "flags": []}
                yield local | {"dst": "ff00::/8", "dev": dev, "type": "multicast", "metric": 256}
                yield local | {"dst": f"fe80::{host.zones.index(leg.zone) + 1}", "dev": dev}
    for route in routes(model, host.name):
        router = str(route.get("via", ""))
        if _version(route) != version:
            continue
        if not router:
            yield {"type": "unreachable", "dst": route["to"], "protocol": "83", "flags": []}
        else:
            leg = next(leg for leg in host.legs if ip_address(router) in leg.network)
            yield {
                "dst": route["to"],
                "gateway": router,
                "dev": interface(host, leg.zone),
                "protocol": "83",
                "flags": [],
            }


def _version(route: Mapping[str, Any]) -> int:
    return 6 if ":" in route.get("via", route["to"]) or ":" in route["to"] else 4


def _kernel(host: Host) -> Iterator[str]:
    forwards = int(host.firewall)
    names = ["all", "default", "lo", *(interface(host, zone) for zone in host.zones)]
    yield f"ipv4/ip_forward:{forwards}"
    for name in names:
        yield f"ipv4/conf/{name}/forwarding:{forwards}"
        yield f"ipv4/conf/{name}/rp_filter:1"
        for setting in ("accept_local", "route_localnet", "accept_source_route", "bc_forwarding", "mc_forwarding"):
            yield f"ipv4/conf/{name}/{setting}:0"
        yield f"ipv6/conf/{name}/forwarding:{forwards}"
        yield f"ipv6/conf/{name}/disable_ipv6:{int(not _speaks(host, 6))}"
        yield f"ipv6/conf/{name}/accept_source_route:0"
        yield f"ipv6/conf/{name}/mc_forwarding:0"
