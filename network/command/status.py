"""``sallyport status``: every host of the lab in one table."""

import argparse
import json
from dataclasses import asdict

from network.command import laboratory
from network.lab import docker, hosts, status
from network.lab.plan import Found

HELP = "hosts, zones, addresses, services and health in one table"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the table; 0 when all is well, 1 otherwise."""
    lab = laboratory.read()
    running = docker.information() is not None
    rows = status.hosts(lab.model, lab.state, hosts.present(lab.state.environment) if running else Found())
    authority = lab.state.home / "pki" / "ca.pem"
    front = lab.ports.get("https")
    doors = {} if front is None else {"https": status.door(front, lab.public_name, authority)}
    healthy = all(row.healthy for row in rows) and all(door.healthy for door in doors.values())
    if args.json:
        content = {
            "healthy": healthy,
            "engine": running,
            "hosts": [asdict(row) | {"healthy": row.healthy} for row in rows],
            "doors": {name: asdict(door) for name, door in doors.items()},
        }
        print(json.dumps(content, indent=2))
        return 0 if healthy else 1
    print("\n".join(status.table(rows, doors)))
    if not running:
        print(f"\nThe container engine does not answer: {docker.refusal()}")
    if all(row.container == "absent" for row in rows):
        print("\nThe lab is not up. Next: ./sallyport up")
    elif not healthy:
        print("\nNot all is well. Next: ./sallyport up mends what it can; ./sallyport ssh HOST systemctl status UNIT")
    return 0 if healthy else 1
