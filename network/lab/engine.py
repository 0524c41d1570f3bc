"""The container engine of this machine: found, installed where that is ours to do, started, and described."""

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from network.errors import Problem, UserError
from network.lab import docker, program
from network.lab.progress import Progress

INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_NEEDED = 1024
"""Each host takes about seven; the kernel's usual 128 makes the fourteenth container hang."""

_START_SECONDS = 60


def ensure(log: Path, progress: Progress) -> dict[str, Any]:
    """Return what the engine says of itself; install and start it first where that is ours to do. Raises UserError."""
    said = docker.information()
    if said is None:
        said = _brought_up(log, progress)
    progress("engine", f"version {said['ServerVersion']}, {said['NCPU']} cores, {said['MemTotal'] / 2**30:.0f} GiB")
    return said


def container_options(said: dict[str, Any]) -> tuple[str, ...]:
    """Return the options that make a container a machine with its own systemd, for the engine's control groups."""
    options = [
        "--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--cap-add", "SYS_PTRACE",
        "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
        "--tmpfs", "/run:mode=755", "--tmpfs", "/run/lock:mode=1777", "--tmpfs", "/tmp:exec,mode=1777",  # noqa: S108 the host's own
        "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--stop-signal", "SIGRTMIN+3", "--env", "container=docker",
    ]  # fmt: skip
    if str(said.get("CgroupVersion", "1")) == "2":
        options += ["--cgroupns", "host"]
    return tuple(options)


def raise_inotify(progress: Progress) -> None:
    """Allow enough inotify instances for all hosts. Raises UserError where this user may not."""
    if not INOTIFY.exists():
        return
    present = int(INOTIFY.read_text())
    if present >= INOTIFY_NEEDED:
        return
    try:
        INOTIFY.write_text(str(INOTIFY_NEEDED))
    except OSError as error:
        raise UserError(
            Problem(
                "fs.inotify.max_user_instances",
                f"{present}",
                f"ten systemd containers need {INOTIFY_NEEDED}",
                f"sudo sysctl fs.inotify.max_user_instances={INOTIFY_NEEDED}",
            )
        ) from error
    progress("inotify", f"raised fs.inotify.max_user_instances from {present} to {INOTIFY_NEEDED}")


def uplink_mtu() -> int | None:
    """Return the MTU in bytes of the device that holds this machine's default route; None where that cannot be told."""
    for line in _lines(Path("/proc/net/route"))[1:]:
        fields = line.split()
        if fields[1] == "00000000" and fields[7] == "00000000":
            mtu = _lines(Path("/sys/class/net") / fields[0] / "mtu")
            return int(mtu[0]) if mtu else None
    return None


def os_release() -> dict[str, str]:
    """Return the fields of /etc/os-release; empty where there is none."""
    pairs = (line.partition("=") for line in _lines(Path("/etc/os-release")))
    return {name: value.strip('"') for name, sign, value in pairs if sign}


def may_install() -> bool:
    """Whether packages may be installed here: root, on Debian or one of its children, with apt."""
    release = os_release()
    family = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    return os.geteuid() == 0 and bool(family & {"debian", "ubuntu"}) and shutil.which("apt-get") is not None


def install(packages: Sequence[str], log: Path, progress: Progress) -> None:
    """Install packages with apt. Raises UserError."""
    progress("apt", f"installing {' '.join(packages)}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    lists = Path("/var/lib/apt/lists")
    if not any(lists.glob("*_Packages*")):
        program.run(("apt-get", "update", "-q"), doing="read the package lists", log=log, timeout=600)
    command = ("apt-get", "install", "-qy", "--no-install-recommends", *packages)
    try:
        program.run(command, doing="install packages", log=log, timeout=1200, environment=quiet)
    except UserError:
        # Lists that were there may be too old to name what the archive still has.
        program.run(("apt-get", "update", "-q"), doing="read the package lists", log=log, timeout=600)
        program.run(command, doing="install packages", log=log, timeout=1200, environment=quiet)


def _brought_up(log: Path, progress: Progress) -> dict[str, Any]:
    daemon = shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if daemon is None:
        if not may_install() or os.environ.get("DOCKER_HOST"):
            raise UserError(
                Problem(
                    "the container engine",
                    docker.refusal(),
                    "the lab's hosts are containers",
                    "install and start Docker (Debian, Ubuntu: sudo apt-get install docker.io; else Docker Desktop)"
                    ", and give your user access to it",
                )
            )
        install(["docker.io", "iptables"], log, progress)
        daemon = shutil.which("dockerd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if os.geteuid() != 0:
        raise UserError(
            Problem(
                "the container engine",
                docker.refusal(),
                "it must be running, and this user must have access to it",
                "sudo systemctl start docker; sudo usermod -aG docker $USER, then log in again",
            )
        )
    if Path("/run/systemd/system").is_dir():
        progress("engine", "starting it with systemctl")
        program.run(("systemctl", "start", "docker"), doing="start the container engine", log=log)
    else:
        own_log = log.parent / "dockerd.log"
        own_log.parent.mkdir(parents=True, exist_ok=True)
        progress("engine", f"starting dockerd (log: {own_log})")
        with own_log.open("ab") as sink:
            subprocess.Popen(
                (daemon or "dockerd",),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
            )
        log = own_log
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        said = docker.information(timeout=5)
        if said is not None:
            return said
        time.sleep(0.5)
    found = program.tail(log.read_text(errors="replace")) if log.exists() else docker.refusal()
    raise program.failure("start the container engine", str(log), found)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
