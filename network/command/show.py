"""``sallyport show``: what a host would get, and who may talk to whom; nothing is touched."""

import argparse
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from network.compile.variables import host_variables
from network.draw import matrix
from network.errors import Problem, UserError
from network.model import Model
from network.read import files, load
from network.read.shape import did_you_mean, listed

ROOT = Path(__file__).resolve().parents[2]
HELP = "show what a host would get, or who may talk to whom (--matrix)"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("host", nargs="?", metavar="HOST", help="a host of the inventory")
    parser.add_argument("--matrix", action="store_true", help="who may talk to whom: by zone, then by host")
    parser.add_argument("--json", action="store_true", help="for programs: the variables, or the matrix, as JSON")
    source_arguments(parser)


def source_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that name the policy and the inventory."""
    inventory, policy = ROOT / "inventory/lab", ROOT / "network/policy.yml"
    parser.add_argument("--inventory", type=Path, default=inventory, metavar="DIR", help="default: inventory/lab")
    parser.add_argument("--policy", type=Path, default=policy, metavar="FILE", help="default: network/policy.yml")


def run(args: argparse.Namespace) -> int:
    """Print what was asked for. Raises UserError for what cannot be read, or a host that is not there."""
    model = load(args.policy, args.inventory)
    if args.matrix:
        print(_matrix_json(model) if args.json else _matrix_text(model))
        return 0
    if args.host not in model.fleet.hosts:
        raise UserError(_no_such_host(args.host, args.inventory, model))
    variables = host_variables(model, args.host)
    print(json.dumps(variables, indent=2) if args.json else "\n".join(_sections(args.host, variables)))
    return 0


def _no_such_host(name: str | None, inventory: Path, model: Model) -> Problem:
    rule = "show takes a host of the inventory, or --matrix"
    hosts = tuple(model.fleet.hosts)
    remedy = did_you_mean(name or "", hosts, f"Name one of: {listed(hosts)}.")
    return Problem(files.shown(inventory), f"'{name}'" if name else "no host given", rule, remedy)


def _matrix_text(model: Model) -> str:
    width = shutil.get_terminal_size((120, 24)).columns
    outside = model.fleet.untrusted.name
    return "\n".join(
        [
            *_section("Zones", matrix.text(matrix.zone_matrix(model), width)),
            *_section("Hosts and peers", matrix.text(matrix.end_matrix(model), width)),
            "",
            f"{outside} is every address outside the other zones. What is not in a cell is denied and logged.",
        ]
    )


def _matrix_json(model: Model) -> str:
    def plain(table: matrix.Matrix) -> list[dict[str, Any]]:
        return [{"from": row, "to": column, "services": list(names)} for (row, column), names in table.cells.items()]

    return json.dumps({"zones": plain(matrix.zone_matrix(model)), "ends": plain(matrix.end_matrix(model))}, indent=2)


def _sections(host: str, variables: dict[str, Any]) -> Iterator[str]:
    role = "firewall" if variables["sallyport_forwards"] else "host"
    yield f"{host}: {role} in {listed(variables['sallyport_zones'])}, administered at {variables['ansible_host']}"
    legs = (f"{leg['zone']:<12} {leg['address']}/{leg['prefix']}" for leg in variables["sallyport_legs"])
    yield from _section("Legs", "\n".join(legs))
    yield from _section("Routes", "\n".join(_route(route) for route in variables["sallyport_routes"]))
    yield from _section("Flows in", "\n".join(_flow(flow, "from") for flow in variables["sallyport_flows_in"]))
    yield from _section("Flows out", "\n".join(_flow(flow, "to") for flow in variables["sallyport_flows_out"]))
    yield from _section("/etc/hosts", variables["sallyport_hosts_file"])
    yield from _section("Address sets (ipset restore)", variables["sallyport_firewall"]["sets"])
    yield from _section("Rules, IPv4 (iptables-restore)", variables["sallyport_firewall"]["v4"])
    yield from _section("Rules, IPv6 (ip6tables-restore)", variables["sallyport_firewall"]["v6"])
    if variables["sallyport_nginx"] is not None:
        yield from _section("nginx", variables["sallyport_nginx"])


def _section(title: str, content: str) -> Iterator[str]:
    yield from ("", title, "=" * len(title), content.rstrip("\n") or "none")


def _route(route: dict[str, Any]) -> str:
    return f"{route['to']:<20} {'unreachable' if route.get('unreachable') else 'via ' + route['via']}"


def _flow(flow: dict[str, Any], side: str) -> str:
    """Return a flow in a line. Of a long list of addresses, which only the world outside has, the first is shown."""
    ports = str(flow["port"]) if flow["port"] == flow["last_port"] else f"{flow['port']}-{flow['last_port']}"
    addresses = flow[side] if len(flow[side]) <= 8 else [flow[side][0], f"… ({len(flow[side])} networks)"]
    http = f"  [{flow['http']['method']} {flow['http']['path']}, {flow['http']['auth']}]" if "http" in flow else ""
    hosts = f" ({listed(flow[f'{side}_hosts'])})" if flow[f"{side}_hosts"] else ""
    named = f"{flow['service']} {flow['proto']}/{ports}"
    return f"{flow['id']:<20} {named:<26} {side} {listed(addresses)}{hosts}{http}"
