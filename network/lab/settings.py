"""The lab's own settings in the inventory: what this machine publishes of the edge (`lab_publish`)."""

from ipaddress import ip_address
from pathlib import Path
from typing import Any

import yaml

from network.errors import Problem, UserError
from network.lab.blueprint import Port

ROAD = "ssh"
"""The published port by which the bastion is reached."""


def published(path: Path, shown: str) -> dict[str, Port]:
    """Read the published ports, by name. `shown` is the file's name for messages. Raises UserError."""
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        content = None
    except yaml.YAMLError as error:
        raise _refused(shown, " ".join(str(error).split())) from error
    given = content.get("lab_publish") if isinstance(content, dict) else None
    if not isinstance(given, dict) or ROAD not in given:
        raise _refused(shown, f"no {ROAD} in lab_publish")
    return {str(name): _port(shown, str(name), entry) for name, entry in given.items()}


def _port(shown: str, name: str, entry: Any) -> Port:
    if not isinstance(entry, dict) or set(entry) != {"listen", "port"}:
        raise _refused(shown, f"lab_publish.{name}: {entry!r}")
    address, sign, port = str(entry["listen"]).rpartition(":")
    try:
        found = Port(str(ip_address(address.strip("[]"))), int(port), int(entry["port"]))
    except (TypeError, ValueError) as error:
        raise _refused(shown, f"lab_publish.{name}: {entry!r}") from error
    if not sign or not all(0 < number < 2**16 for number in (found.port, found.to)):
        raise _refused(shown, f"lab_publish.{name}: {entry!r}")
    return found


def _refused(shown: str, found: str) -> UserError:
    return UserError(
        Problem(
            shown,
            found,
            "lab_publish maps names to {listen: ADDRESS:PORT of this machine, port: the edge's}, and has one named ssh",
            'write, for example, lab_publish: {ssh: {listen: "127.0.0.1:2222", port: 22}}',
        )
    )
