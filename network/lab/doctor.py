"""What on this machine would stand in the way of the lab, and how to mend it.

`gather` reads the machine, `judge` decides on what was read and is pure.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_interface, ip_network
from pathlib import Path
from typing import Any, Literal

from network.errors import Problem
from network.lab import docker, engine
from network.lab.blueprint import Port, bridge_name
from network.lab.plan import Found, found
from network.lab.state import State
from network.model import Model
from network.read.collision import MachineNetwork, collisions

Verdict = Literal["ok", "warn", "fail"]

PROGRAMS = {"ssh": "openssh-client", "ssh-keygen": "openssh-client"}
"""What the control node runs beside the engine, and the Debian package that has it."""

_GIB = 2**30
_CORES_WANTED = 2
_PYTHON_NEEDED = (3, 11)


@dataclass(frozen=True)
class Machine:
    """What was read of this machine. Sizes are in bytes; None is what could not be read."""

    python: tuple[int, int]
    cores: int
    memory_available: int | None
    disk_free: int | None
    programs_missing: tuple[str, ...]
    may_install: bool
    engine: Mapping[str, Any] | None
    engine_refusal: str
    inotify_instances: int | None
    root: bool
    networks: tuple[MachineNetwork, ...] = ()
    ports_taken: tuple[Port, ...] = ()
    lab: Found = field(default_factory=Found)
    strangers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: what was looked at, how it is, and how to mend it when it is not well."""

    subject: str
    verdict: Verdict
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class _Need:
    """How much of something, in GiB, the lab cannot do without, and how much is comfortable."""

    subject: str
    needed: int
    wanted: int
    remedy: str


_MEMORY = _Need("memory", 2, 4, "close programs or add memory")
_DISK = _Need("disk", 4, 8, "free space (docker system df shows the engine's share)")


def gather(state: State, ports: Mapping[str, Port]) -> Machine:
    """Read the machine. Changes nothing, and never fails: what cannot be read is left out."""
    said = docker.information()
    lab = Found()
    if said is not None:
        lab = found(docker.containers(state.environment), docker.networks(state.environment))
    published = any(container.state == "running" for container in lab.containers.values())
    return Machine(
        python=sys.version_info[:2],
        cores=os.cpu_count() or 1,
        memory_available=_memory_available(),
        disk_free=_disk_free((said or {}).get("DockerRootDir", "/var/lib")),
        programs_missing=tuple(sorted({package for name, package in PROGRAMS.items() if not shutil.which(name)})),
        may_install=engine.may_install(),
        engine=said,
        engine_refusal="" if said is not None else docker.refusal(),
        inotify_instances=_number(engine.INOTIFY),
        root=os.geteuid() == 0,
        networks=machine_networks(),
        ports_taken=() if published else tuple(port for port in ports.values() if _taken(port)),
        lab=lab,
        strangers=lab.strangers(state.home),
    )


def judge(machine: Machine, model: Model | None) -> list[Finding]:
    """Say of each thing whether it stands in the way. Without a model the networks are not compared."""
    return [
        _python(machine),
        _engine(machine),
        _cgroups(machine),
        _programs(machine),
        _memory(machine),
        _size(machine.disk_free, _DISK),
        _cores(machine),
        _inotify(machine),
        *_networks(machine, model),
        _ports(machine),
        _leftover(machine),
    ]


def problems(findings: list[Finding]) -> tuple[Problem, ...]:
    """Return the findings that forbid a start, as errors."""
    return tuple(
        Problem(f"this machine: {finding.subject}", finding.text, "needed to raise the lab", finding.remedy)
        for finding in findings
        if finding.verdict == "fail"
    )


def machine_networks() -> tuple[MachineNetwork, ...]:
    """Return the networks this machine is on or has a route to; none where ``ip`` cannot tell."""
    found: dict[MachineNetwork, None] = {}
    for version in ("-4", "-6"):
        for link in _ip(version, "addr"):
            for entry in link.get("addr_info", ()):
                if "local" in entry:
                    network = ip_interface(f"{entry['local']}/{entry['prefixlen']}").network
                    found[MachineNetwork(network, link["ifname"])] = None
        for route in _ip(version, "route"):
            if route.get("dst", "default") != "default" and "dev" in route:
                found[MachineNetwork(ip_network(route["dst"], strict=False), route["dev"])] = None
    return tuple(found)


def _python(machine: Machine) -> Finding:
    text = ".".join(map(str, machine.python))
    if machine.python >= _PYTHON_NEEDED:
        return Finding("python", "ok", text)
    return Finding("python", "fail", text, "install Python 3.11 or newer")


def _engine(machine: Machine) -> Finding:
    if machine.engine is not None:
        return Finding("engine", "ok", f"Docker {machine.engine.get('ServerVersion')}")
    if machine.may_install:
        return Finding("engine", "warn", machine.engine_refusal, "./sallyport up installs and starts it")
    return Finding(
        "engine",
        "fail",
        machine.engine_refusal,
        "install and start Docker, and give your user access to it (Debian, Ubuntu: sudo apt-get install docker.io;"
        " sudo usermod -aG docker $USER)",
    )


def _cgroups(machine: Machine) -> Finding:
    if machine.engine is None:
        return Finding("cgroups", "warn", "not known without the engine", "start the engine, then look again")
    return Finding("cgroups", "ok", f"version {machine.engine.get('CgroupVersion', '1')}")


def _programs(machine: Machine) -> Finding:
    if not machine.programs_missing:
        return Finding("programs", "ok", ", ".join(PROGRAMS))
    text = f"missing: {', '.join(machine.programs_missing)}"
    if machine.may_install:
        return Finding("programs", "warn", text, "./sallyport up installs them")
    return Finding("programs", "fail", text, f"install {' '.join(machine.programs_missing)}")


def _memory(machine: Machine) -> Finding:
    # A lab that runs has taken its share already.
    if machine.memory_available and any(item.state == "running" for item in machine.lab.containers.values()):
        return Finding(_MEMORY.subject, "ok", f"{machine.memory_available / _GIB:.1f} GiB free beside the running lab")
    return _size(machine.memory_available, _MEMORY)


def _size(found: int | None, need: _Need) -> Finding:
    if found is None:
        return Finding(need.subject, "ok", "cannot be told here")
    text = f"{found / _GIB:.1f} GiB free"
    if found >= need.wanted * _GIB:
        return Finding(need.subject, "ok", text)
    if found >= need.needed * _GIB:
        return Finding(need.subject, "warn", f"{text}; {need.wanted} GiB are comfortable", need.remedy)
    return Finding(need.subject, "fail", f"{text}; the lab needs {need.needed} GiB", need.remedy)


def _cores(machine: Machine) -> Finding:
    if machine.cores >= _CORES_WANTED:
        return Finding("cores", "ok", str(machine.cores))
    return Finding("cores", "warn", str(machine.cores), f"with {_CORES_WANTED} the lab takes half the time")


def _inotify(machine: Machine) -> Finding:
    found = machine.inotify_instances
    if found is None or found >= engine.INOTIFY_NEEDED:
        return Finding("inotify", "ok", "cannot be told here" if found is None else f"{found} instances")
    setting = f"fs.inotify.max_user_instances={engine.INOTIFY_NEEDED}"
    text = f"{found} instances; ten systemd containers need {engine.INOTIFY_NEEDED}"
    if machine.root:
        return Finding("inotify", "warn", text, f"./sallyport up raises it (sysctl {setting})")
    return Finding("inotify", "fail", text, f"sudo sysctl {setting}")


def _networks(machine: Machine, model: Model | None) -> list[Finding]:
    if model is None:
        return [Finding("networks", "warn", "not compared: policy or inventory do not hold", "mend them first")]
    found = collisions(model, machine.networks, {bridge_name(zone) for zone in model.fleet.zones})
    if not found:
        return [Finding("networks", "ok", "none collides with this machine's")]
    return [Finding("networks", "fail", f"{each.where}: {each.found}", each.remedy) for each in found]


def _ports(machine: Machine) -> Finding:
    if not machine.ports_taken:
        return Finding("ports", "ok", "free, or held by the lab")
    text = ", ".join(f"{port.address}:{port.port}" for port in machine.ports_taken)
    return Finding(
        "ports", "fail", f"in use: {text}", "stop what listens there (ss -ltnp), or change lab_publish in the inventory"
    )


def _leftover(machine: Machine) -> Finding:
    if machine.strangers:
        return Finding(
            "leftovers",
            "fail",
            f"the lab of another checkout ({', '.join(machine.strangers)}); addresses and ports are there for one",
            "./sallyport down in that checkout",
        )
    count = len(machine.lab.containers)
    running = sum(item.state == "running" for item in machine.lab.containers.values())
    if running == count:
        return Finding("leftovers", "ok", f"{count} of our containers, all running" if count else "none")
    return Finding(
        "leftovers", "warn", f"{count - running} of {count} containers stopped", "./sallyport up starts them"
    )


def _memory_available() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _disk_free(folder: str) -> int | None:
    path = Path(folder)
    while not path.exists():
        path = path.parent
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _taken(port: Port) -> bool:
    family = socket.AF_INET6 if ":" in port.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.address, port.port))
        except OSError:
            return True
    return False


def _ip(version: str, subject: str) -> list[dict[str, Any]]:
    try:
        done = subprocess.run(("ip", version, "-j", subject), capture_output=True, text=True, timeout=10, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return []
    answer: list[dict[str, Any]] = json.loads(done.stdout or "[]") if done.returncode == 0 else []
    return answer
