#!/usr/bin/python3 -I
"""Make the routes of /etc/sallyport/network/routes live, and take away those of an earlier list.

  apply [--wait SECONDS]   print each change, nothing when there is none
  check                    print what apply would change
  show                     print the routes that this program has set

Its routes carry a protocol number of their own (ip-route(8), proto), so that they are known again. Interfaces are never
named: the kernel finds the one whose network holds the gateway.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import subprocess
import sys
import time
from pathlib import Path

ROUTES = Path("/etc/sallyport/network/routes")
PROTOCOL = "83"
Route = tuple[str, str, str]  # family (-4, -6), network, gateway or "unreachable"


def as_shown(network: str) -> str:
    """Write a network as ip shows it: the whole world is called default, and a single address has no length."""
    if network == "default":
        return network
    parsed = ipaddress.ip_network(network)
    if parsed.prefixlen == 0:
        return "default"
    return str(parsed.network_address) if parsed.prefixlen == parsed.max_prefixlen else str(parsed)


def wanted(text: str) -> list[Route]:
    """Read the list. Ways come before walls: an unreachable network must not hide a way that is yet to come."""
    routes: list[Route] = []
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) == 3 and words[1] == "via":
            gateway = words[2]
        elif len(words) == 2 and words[1] == "unreachable":
            gateway = "unreachable"
        else:
            raise ValueError(f"{ROUTES}: cannot read the line: {line}")
        family = "-6" if ":" in words[0] + gateway else "-4"
        routes.append((family, as_shown(words[0]), gateway))
    return sorted(routes, key=lambda route: route[2] == "unreachable")


def ip(*arguments: str) -> str:
    """Run ip; its complaint becomes the error."""
    result = subprocess.run(["/usr/sbin/ip", *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {result.stderr.strip()}")
    return result.stdout


def present() -> set[Route]:
    """Read the routes that this program has set."""
    found: set[Route] = set()
    for family in ("-4", "-6"):
        for entry in json.loads(ip("-json", family, "route", "show", "proto", PROTOCOL) or "[]"):
            gateway = "unreachable" if entry.get("type") == "unreachable" else entry.get("gateway", "")
            found.add((family, entry["dst"], gateway))
    return found


def command(verb: str, route: Route) -> list[str]:
    """Return the arguments of ip that set or remove a route."""
    family, network, gateway = route
    if gateway == "unreachable":
        return [family, "route", verb, "unreachable", network, "proto", PROTOCOL]
    return [family, "route", verb, network, "via", gateway, "proto", PROTOCOL]


def check() -> None:
    """Print what apply would change."""
    target, before = wanted(ROUTES.read_text()), present()
    for word, routes in (("missing", set(target) - before), ("stale", before - set(target))):
        sys.stdout.writelines(f"{word} {network} {gateway}\n" for _, network, gateway in sorted(routes))


def apply(seconds: int) -> None:
    """Bring the routes about; a gateway whose network is not there yet is waited for."""
    target = wanted(ROUTES.read_text())
    before = present()
    deadline = time.monotonic() + seconds
    for route in target:
        if route in before:
            continue
        while True:
            try:
                ip(*command("replace", route))
                break
            except RuntimeError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.5)
        sys.stdout.write(f"set {route[1]} {route[2]}\n")
    # A replaced route is gone already; what is left is of an earlier list.
    for route in sorted(present() - set(target)):
        ip(*command("del", route))
        sys.stdout.write(f"removed {route[1]} {route[2]}\n")


def main() -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["apply", "check", "show"])
    parser.add_argument("--wait", type=int, default=0, help="how long to wait for the gateways' networks, in seconds")
    arguments = parser.parse_args()
    try:
        if arguments.command == "apply":
            apply(arguments.wait)
        elif arguments.command == "check":
            check()
        else:
            sys.stdout.writelines(f"{network} {gateway}\n" for _, network, gateway in sorted(present()))
    except (RuntimeError, ValueError, OSError) as error:
        sys.stderr.write(f"sallyport-routes: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
