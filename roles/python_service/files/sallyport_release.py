#!/usr/bin/python3
"""Install, switch and take back releases of a Python service on this host.

    sallyport-release install SERVICE ID ARCHIVE   install a release beside the others; removes the archive
    sallyport-release verify SERVICE ID UNIT-FILE  check a unit file before it is put in place
    sallyport-release activate SERVICE ID          make it the running one; if it is not healthy, go back
    sallyport-release back SERVICE [ID]            run the release before this one (or the one named) again
    sallyport-release look SERVICE ID              tell whether it is installed, runs, is healthy and up to date
    sallyport-release list SERVICE                 show the releases that are here

A release lies in /opt/sallyport/SERVICE/releases/ID, a virtual environment of its own; `current` points at the running
one. Its folder holds two marks: `.complete` once installed, `.healthy` once it has run and answered.
/etc/sallyport/services/SERVICE.json says what runs: units, what they read, how their health is asked.

Invariant: `current` is changed by renaming a new link over it, so at every moment it points at a complete release.
Whether a unit must restart is not remembered but seen: it started earlier than a file it reads was changed. So a run
that was cut off anywhere is carried on by the next.

Two runs at once take turns. Each command prints one line of JSON (changed, release, did); what went wrong goes to
standard error, exit code 1.
"""

import argparse
import fcntl
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RELEASES = Path("/opt/sallyport")
MANIFESTS = Path("/etc/sallyport/services")
UNITS = Path("/etc/systemd/system")
POLL_SECONDS = 0.2
# A unit without a health question counts as healthy when it has run this long in one piece.
SETTLE_SECONDS = 2.0
# A program that asks for health, as long as it may take.
QUESTION_SECONDS = 10
# A unit that has died this often will not get well by waiting.
DEATHS = 5


class ReleaseError(Exception):
    """What was asked cannot be done. The text says what was found and what to do."""


@dataclass(frozen=True)
class Unit:
    """A systemd unit of the service: its files and its health question.

    That is a URL, arguments of the release's python, or None.
    """

    name: str
    reads: tuple[Path, ...]
    health: str | list[str] | None


@dataclass(frozen=True)
class Service:
    """What the manifest says. `timeout` (seconds) is how long a new release may take to become healthy."""

    name: str
    units: tuple[Unit, ...]
    ca: Path
    timeout: float
    keep: int

    @property
    def home(self) -> Path:
        return RELEASES / self.name

    def release(self, release: str) -> Path:
        return self.home / "releases" / release


def read_manifest(name: str) -> Service:
    path = MANIFESTS / f"{name}.json"
    try:
        given: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        known = ", ".join(sorted(found.stem for found in MANIFESTS.glob("*.json"))) or "none"
        raise ReleaseError(f"no service {name!r} on this host; services here: {known}") from None
    return Service(
        name=name,
        units=tuple(
            Unit(unit["name"], tuple(Path(read) for read in unit["reads"]), unit.get("health"))
            for unit in given["units"]
        ),
        ca=Path(given["ca"]),
        timeout=float(given["timeout"]),
        keep=int(given["keep"]),
    )


@contextmanager
def turn(name: str) -> Iterator[None]:
    """Wait for another run that changes the same service."""
    home = RELEASES / name
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# Releases on disk


def current(service: Service) -> str | None:
    """Return the id `current` points at."""
    link = service.home / "current"
    return link.readlink().name if link.is_symlink() else None


def installed(service: Service) -> list[str]:
    """Return the complete releases."""
    return sorted(mark.parent.name for mark in service.home.glob("releases/*/.complete"))


def healthy(service: Service) -> list[str]:
    """Return the releases that have run and answered, the last deployed first."""
    marks = service.home.glob("releases/*/.healthy")
    return [mark.parent.name for mark in sorted(marks, key=lambda mark: mark.stat().st_mtime, reverse=True)]


def point(service: Service, release: str) -> None:
    """Make `current` point at a release, in one step."""
    staged = service.home / ".current"
    staged.unlink(missing_ok=True)
    staged.symlink_to(Path("releases") / release)
    staged.replace(service.home / "current")


def prune(service: Service) -> list[str]:
    """Remove the releases that are neither running nor among the last that were healthy."""
    running = current(service)
    kept = {running, *[release for release in healthy(service) if release != running][: service.keep - 1]}
    removed = []
    for folder in sorted(service.home.glob("releases/*")):
        if folder.name not in kept:
            shutil.rmtree(folder)
            removed.append(folder.name)
    return removed


def install(name: str, release: str, archive: Path) -> dict[str, Any]:
    """Install the release from its archive. Interrupted, it lacks its mark and is begun anew."""
    folder = RELEASES / name / "releases" / release
    if (folder / ".complete").exists():
        archive.unlink(missing_ok=True)
        return {"changed": False, "release": release, "did": []}
    if folder.exists():
        shutil.rmtree(folder)
    folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    with tempfile.TemporaryDirectory(dir=RELEASES / name) as unpacked:
        source = Path(unpacked)
        uv = [str(source / "uv"), "--quiet", "--offline", "--no-config", "--no-cache"]
        for command in (
            ["tar", "--extract", "--gzip", "--no-same-owner", "--file", str(archive), "--directory", unpacked],
            [*uv, "venv", "--no-python-downloads", "--python", "/usr/bin/python3", str(folder)],
            [
                *uv, "pip", "install", "--no-index", "--require-hashes", "--find-links", str(source / "wheels"),
                "--link-mode", "copy", "--compile-bytecode", "--python", str(folder / "bin/python"),
                "--requirements", str(source / "requirements.txt"),
            ],
        ):  # fmt: skip
            done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
            if done.returncode:
                raise ReleaseError(f"{Path(command[0]).name} could not install release {release}:\n{done.stderr}")
    (folder / ".complete").touch()
    archive.unlink()
    return {"changed": True, "release": release, "did": [f"installed {release}"]}


# Units


def systemctl(*arguments: str) -> str:
    """Run systemctl and return what it printed. A unit that is not found or not running is no error here."""
    return subprocess.run(["systemctl", *arguments], check=False, capture_output=True, text=True).stdout


def verify(name: str, release: str, candidate: Path) -> None:
    """Refuse a unit file that systemd would not take, judged against the release it is meant for."""
    home = RELEASES / name
    python = home / "releases" / release / "bin/python"
    # A dry run has not installed the release.
    there = python if python.exists() else Path("/usr/bin/python3")
    text = candidate.read_text().replace(f"{home}/current/bin/python", str(there))
    with tempfile.TemporaryDirectory() as folder:
        unit = Path(folder) / "candidate.service"
        unit.write_text(text)
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
    if done.returncode or "candidate.service" in done.stderr:
        raise ReleaseError(f"systemd does not take this unit file:\n{done.stderr}")


@dataclass(frozen=True)
class UnitState:
    """What systemd says of a unit; `started` is seconds since the epoch, 0 if it never ran."""

    enabled: bool
    active: bool
    started: float
    restarts: int


def unit_state(unit: Unit) -> UnitState:
    shown = systemctl(
        "show", "--property=UnitFileState,ActiveState,SubState,ExecMainStartTimestampMonotonic,NRestarts", unit.name
    )
    said = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    monotonic = int(said.get("ExecMainStartTimestampMonotonic") or 0) / 1e6
    return UnitState(
        enabled=said.get("UnitFileState") == "enabled",
        active=said.get("ActiveState") == "active" and said.get("SubState") == "running",
        started=time.time() - time.monotonic() + monotonic if monotonic else 0.0,
        restarts=int(said.get("NRestarts") or 0),
    )


def out_of_date(service: Service, unit: Unit) -> str | None:
    """Say why the unit must be started anew, or None."""
    state = unit_state(unit)
    if not state.enabled:
        return "not enabled"
    if not state.active:
        return "not running"
    for path in (service.home / "current", UNITS / unit.name, *unit.reads):
        if path.exists() and path.lstat().st_ctime > state.started:
            return f"older than {path}"
    return None


def restart(units: list[Unit]) -> None:
    names = [unit.name for unit in units]
    systemctl("daemon-reload")
    systemctl("enable", "--quiet", *names)
    systemctl("reset-failed", *names)
    systemctl("restart", *names)


def ask(service: Service, question: str | list[str]) -> str | None:
    """Ask for health; return None if all is well, else what is wrong."""
    if isinstance(question, str):
        return answers(question, service.ca)
    return succeeds([str(service.home / "current/bin/python"), *question])


def succeeds(command: list[str]) -> str | None:
    """Run a program; return None if it ends with 0, else what it said."""
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=QUESTION_SECONDS, cwd="/", env=environment
        )
    except subprocess.TimeoutExpired:
        return f"{' '.join(command)} took more than {QUESTION_SECONDS} s"
    except OSError as failure:
        return f"{command[0]}: {failure.strerror}"
    return f"{' '.join(command)} ends with {done.returncode}: {done.stderr.strip()[-400:]}" if done.returncode else None


def answers(url: str, ca: Path) -> str | None:
    """Ask a health URL; return None if all is well, else what is wrong."""
    context = ssl.create_default_context(cafile=str(ca)) if url.startswith("https:") else None
    try:
        with urllib.request.urlopen(url, timeout=2, context=context):  # noqa: S310 (the manifest's own http or https)
            return None
    except urllib.error.HTTPError as refused:
        return f"{url} answers {refused.code}: {refused.read(400).decode(errors='replace')}"
    except OSError as failure:
        return f"{url}: {failure}"


def unhealthy(service: Service, unit: Unit, deadline: float) -> str | None:
    """Wait until the unit is healthy; return None, or what was wrong when time or patience was up."""
    deaths = unit_state(unit).restarts
    while True:
        state = unit_state(unit)
        if not state.active:
            wrong: str | None = "it does not stay running"
        elif unit.health is not None:
            wrong = ask(service, unit.health)
        else:
            short = time.time() - state.started < SETTLE_SECONDS
            wrong = f"it did not run for {SETTLE_SECONDS} s in one piece" if short else None
        if wrong is None or time.monotonic() > deadline or state.restarts >= deaths + DEATHS:
            return wrong
        time.sleep(POLL_SECONDS)


def journal(unit: Unit) -> str:
    return subprocess.run(
        ["journalctl", "--unit", unit.name, "--lines", "15", "--no-pager", "--output", "cat"],
        check=False, capture_output=True, text=True,
    ).stdout  # fmt: skip


def start(service: Service, units: list[Unit]) -> str | None:
    """Start units anew and wait until all are healthy; return None, or the story of what went wrong."""
    restart(units)
    return wait(service, units)


def wait(service: Service, units: list[Unit]) -> str | None:
    """Wait until all units are healthy; return None, or the story of what went wrong."""
    deadline = time.monotonic() + service.timeout
    story = []
    for unit in units:
        wrong = unhealthy(service, unit, deadline)
        if wrong is not None:
            story.append(f"{unit.name} is not healthy: {wrong}\nits journal:\n{journal(unit)}")
    return "\n".join(story) or None


def activate(service: Service, release: str) -> dict[str, Any]:
    """Make a release the running one, all its units up to date and healthy.

    A release that never was healthy and does not become so is taken back: the one before it runs again, and the error
    says both. One that was healthy before stays: then the cause lies elsewhere, and an older one would not help.
    """
    if not (service.release(release) / ".complete").exists():
        there = ", ".join(installed(service)) or "none"
        raise ReleaseError(f"{service.name} has no release {release!r} installed; there are: {there}")
    before = current(service)
    reasons = {unit.name: "new release" if before != release else out_of_date(service, unit) for unit in service.units}
    did = [f"{name}: {reason}" for name, reason in reasons.items() if reason]
    if not did:
        wrong = wait(service, list(service.units))
        if wrong is not None:
            raise ReleaseError(wrong)
        return {"changed": False, "release": release, "did": []}

    earlier = [other for other in healthy(service) if other != release]
    if before != release:
        point(service, release)
    wrong = start(service, [unit for unit in service.units if reasons[unit.name]])
    if wrong is None:
        return {"changed": True, "release": release, "did": did}
    if release in healthy(service) or not earlier:
        raise ReleaseError(wrong)
    last = before if before in earlier else earlier[0]
    point(service, last)
    again = start(service, list(service.units))
    outcome = "which is healthy" if again is None else f"which is not healthy either:\n{again}"
    raise ReleaseError(f"{wrong}\nrelease {release} was taken back; {last} runs again, {outcome}")


def deploy(service: Service, release: str) -> dict[str, Any]:
    """Activate a release, mark it as the newest healthy one, and remove what is too old."""
    result = activate(service, release)
    # One that came into good health only after an earlier try had given up has no mark yet.
    if result["changed"] or release not in healthy(service):
        (service.release(release) / ".healthy").touch()
        result["did"] += [f"removed {old}" for old in prune(service)]
    return result


def back(service: Service, release: str | None) -> dict[str, Any]:
    """Run an earlier release again: the one named, or the one deployed before the running one.

    The order of deployment stays as it is, so going back twice goes back by two.
    """
    known, running = healthy(service), current(service)
    there = ", ".join(known) or "none"
    older = known[known.index(running) + 1 :] if running in known else known
    if release is None and not older:
        raise ReleaseError(f"{service.name} has no release before {running}; there are: {there}")
    if release is not None and release not in known:
        raise ReleaseError(f"{service.name} has no release {release!r} that ever ran; there are: {there}")
    return activate(service, release or older[0])


def look(name: str, release: str) -> dict[str, Any]:
    """Tell without waiting: is it `installed`, does it run in good health (`settled`), is no restart due (`fresh`)."""
    said = {"changed": False, "release": release, "did": [], "installed": False, "settled": False, "fresh": False}
    if not (RELEASES / name / "releases" / release / ".complete").exists():
        return said
    said["installed"] = True
    if (MANIFESTS / f"{name}.json").exists():
        service = read_manifest(name)
        said["settled"] = (
            current(service) == release
            and release in healthy(service)
            and all(
                unit_state(unit).active and (unit.health is None or ask(service, unit.health) is None)
                for unit in service.units
            )
        )
        said["fresh"] = all(out_of_date(service, unit) is None for unit in service.units)
    return said


def listing(service: Service) -> dict[str, Any]:
    return {
        "changed": False,
        "release": current(service),
        "did": [],
        "releases": [{"id": found, "healthy": found in healthy(service)} for found in installed(service)],
    }


def change(given: argparse.Namespace) -> dict[str, Any]:
    """Do what changes something; the caller has its turn."""
    if given.command == "install":
        return install(given.service, given.release, given.path)
    if given.command == "activate":
        return deploy(read_manifest(given.service), given.release)
    return back(read_manifest(given.service), given.release)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, arguments in {
        "install": ("service", "release", "path"),
        "verify": ("service", "release", "path"),
        "activate": ("service", "release"),
        "look": ("service", "release"),
        "back": ("service",),
        "list": ("service",),
    }.items():
        command = commands.add_parser(name)
        for argument in arguments:
            command.add_argument(argument, type=Path if argument == "path" else str)
        if name == "back":
            command.add_argument("release", nargs="?")
    given = parser.parse_args()

    os.umask(0o022)
    try:
        if given.command == "verify":
            verify(given.service, given.release, given.path)
            return 0
        if given.command == "look":
            result = look(given.service, given.release)
        elif given.command == "list":
            result = listing(read_manifest(given.service))
        else:
            if given.command != "install":
                # A misspelt name leaves no trace.
                read_manifest(given.service)
            with turn(given.service):
                result = change(given)
    except ReleaseError as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
