"""How the lab is: each host's container, its systemd, its services, and whether SSH reaches it. One call a host."""

import socket
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from network.lab import docker, queues
from network.lab.blueprint import Port, container_name
from network.lab.plan import Found
from network.lab.queues import Queue
from network.lab.state import State
from network.model import Host, Model
from network.path import NoPathError, management_address

# Together they stay under the five seconds a table may take.
_SSH_SECONDS, _CALL_SECONDS = 2.8, 1.8
_SERVICES = (
    "sallyport-*", "nginx*", "postgresql@*", "rabbitmq-server*", "redis-server*", "kafka*", "squid*", "ssh", "ulogd2",
    "systemd-journal-*",
)  # fmt: skip
# What is part of every host, or runs once: of interest only when it has failed.
_EVERYWHERE = (
    "sallyport-lab-",
    "ssh",
    "ulogd2",
    "systemd-journal-flush",
    "systemd-journal-catalog",
    "systemd-journald",
)

_QUESTION = (
    "systemctl is-system-running; echo --; systemctl list-units --failed --plain --no-legend; echo --;"
    " systemctl list-units --type=service --state=running,failed,activating --plain --no-legend "
    + " ".join(f"'{name}'" for name in _SERVICES)
    + queues.QUESTION
)


@dataclass(frozen=True)
class HostStatus:
    """A host as it is. `container` is the engine's word, or absent; `system` is systemd's, or unknown."""

    name: str
    zones: tuple[str, ...]
    address: str
    container: str
    system: str
    ssh: bool
    services: tuple[str, ...]
    failed: tuple[str, ...]
    queues: tuple[Queue, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether the host is up, reachable and without failed units."""
        return self.container == "running" and self.system == "running" and self.ssh and not self.failed


@dataclass(frozen=True)
class DoorStatus:
    """What the published HTTPS port answers: an HTTP status, or why there is none."""

    url: str
    answer: str
    healthy: bool


def hosts(model: Model, state: State, present: Found) -> list[HostStatus]:
    """Ask every host at once. Never fails: what does not answer in time is shown as such."""
    with ThreadPoolExecutor(len(model.fleet.hosts) or 1) as pool:
        return list(pool.map(lambda host: _host(model, state, present, host), model.fleet.hosts.values()))


def door(port: Port, name: str, authority: Path) -> DoorStatus:
    """Ask the published HTTPS port for the front page, by one of the public names.

    The certificate must be for that name, and signed by the environment's own authority.
    """
    url = f"https://{name}:{port.port}/"
    if not authority.exists():
        return DoorStatus(url, "not provisioned yet", healthy=False)
    try:
        context = ssl.create_default_context(cafile=str(authority))
        with (
            socket.create_connection((port.address, port.port), timeout=_CALL_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            connection = HTTPConnection(name, port.port)
            connection.sock = secure
            connection.request("GET", "/")
            status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return DoorStatus(url, f"no answer: {error or type(error).__name__}", healthy=False)
    return DoorStatus(url, f"answers {status}", healthy=status < 400)


def understood(said: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Read a host's answer: systemd's state, the services that run, the units that failed. Pure."""
    system, _, rest = said.partition("--\n")
    failed, _, running = rest.partition("--\n")
    names = tuple(line.split()[0] for line in failed.splitlines() if line.strip())
    services = tuple(
        name.removesuffix(".service")
        for name in (line.split()[0] for line in running.splitlines() if line.strip())
        if not name.startswith(_EVERYWHERE)
    )
    return system.strip() or "unknown", services, names


def table(rows: Sequence[HostStatus], doors: Mapping[str, DoorStatus]) -> list[str]:
    """Return the hosts as lines of text, one a host, then the queues, then the published ports."""
    head = ("host", "zones", "address", "container", "system", "ssh", "services")
    cells = [
        head,
        *(
            (
                row.name,
                ",".join(row.zones),
                row.address,
                row.container,
                row.system,
                "yes" if row.ssh else "no",
                " ".join([*row.services, *(f"{name}=FAILED" for name in row.failed)]) or "-",
            )
            for row in rows
        ),
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    waiting = queues.table((row.name, row.queues) for row in rows)
    return [
        *lines,
        *(["", *waiting] if waiting else []),
        "",
        *(f"{name}: {found.url} {found.answer}" for name, found in doors.items()),
    ]


def _host(model: Model, state: State, present: Found, host: Host) -> HostStatus:
    container = present.containers.get(container_name(host.name))
    word = container.state if container is not None else "absent"
    said, by_ssh = None, False
    if word == "running":
        if state.ssh_config.exists():
            said = _asked(
                ("ssh", "-F", str(state.ssh_config), "-o", "BatchMode=yes", host.name, _QUESTION), _SSH_SECONDS
            )
            by_ssh = said is not None
        if said is None:
            said = _asked((docker.CLIENT, "exec", container_name(host.name), "sh", "-c", _QUESTION), _CALL_SECONDS)
    units, _, metrics = (said or "").partition(queues.MARK)
    system, services, failed = understood(units)
    told = queues.understood(metrics)
    return HostStatus(host.name, host.zones, _address(model, host), word, system, by_ssh, services, failed, told)


def _asked(command: Sequence[str], seconds: float) -> str | None:
    """Return what a host says, or None. The exit code is the last command's of several, and says nothing."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout if "--\n" in done.stdout else None


def _address(model: Model, host: Host) -> str:
    try:
        return str(management_address(model, host))
    except NoPathError:
        return str(host.legs[0].address)
