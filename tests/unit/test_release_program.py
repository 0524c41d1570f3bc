"""The host's release program, on a folder instead of a host; what systemd would say is made up."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.unit.deployed import deployed

program = deployed("roles/python_service/files/sallyport_release.py")


@dataclass
class Host:
    """A host with one service of one unit. Releases named here as broken never become healthy."""

    root: Path
    broken: set[str] = field(default_factory=set)
    started: float = 0.0
    enabled: bool = False
    restarts: int = 0

    def release(self, name: str, *, healthy_at: float | None = None) -> None:
        folder = self.root / "opt/main/releases" / name
        folder.mkdir(parents=True)
        (folder / ".complete").touch()
        if healthy_at is not None:
            (folder / ".healthy").touch()
            os.utime(folder / ".healthy", (healthy_at, healthy_at))

    @property
    def service(self) -> object:
        return program.read_manifest("main")

    @property
    def current(self) -> str | None:
        found: str | None = program.current(self.service)
        return found


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    here = Host(tmp_path)
    units, manifests = tmp_path / "units", tmp_path / "manifests"
    units.mkdir()
    manifests.mkdir()
    (units / "sallyport-main.service").touch()
    (tmp_path / "secret").touch()
    unit = {"name": "sallyport-main.service", "reads": [str(tmp_path / "secret")], "health": "http://127.0.0.1:1/"}
    manifest = {"units": [unit], "ca": str(tmp_path / "ca.pem"), "timeout": 0.05, "keep": 3}
    (manifests / "main.json").write_text(json.dumps(manifest))

    def restart(_units: object) -> None:
        here.started, here.enabled = time.time() + 1, True
        here.restarts += 1

    monkeypatch.setattr(program, "RELEASES", tmp_path / "opt")
    monkeypatch.setattr(program, "MANIFESTS", manifests)
    monkeypatch.setattr(program, "UNITS", units)
    monkeypatch.setattr(program, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(program, "restart", restart)
    monkeypatch.setattr(program, "journal", lambda _: "the journal")
    monkeypatch.setattr(program, "answers", lambda *_: "503" if here.current in here.broken else None)
    monkeypatch.setattr(program, "unit_state", lambda _: program.UnitState(here.enabled, here.enabled, here.started, 0))
    yield here


def test_first_release_is_started_and_marked(host: Host) -> None:
    host.release("one")
    assert program.deploy(host.service, "one") == {
        "changed": True,
        "release": "one",
        "did": ["sallyport-main.service: new release"],
    }
    assert host.current == "one"
    assert program.healthy(host.service) == ["one"]


def test_release_that_became_healthy_late_is_marked_the_next_time(host: Host) -> None:
    host.release("one")
    host.broken = {"one"}
    with pytest.raises(program.ReleaseError):
        program.deploy(host.service, "one")
    host.broken = set()
    assert not program.look("main", "one")["settled"]
    assert not program.deploy(host.service, "one")["changed"]
    assert program.healthy(host.service) == ["one"]
    assert program.look("main", "one")["settled"]


def test_second_time_nothing_is_done(host: Host) -> None:
    host.release("one")
    program.deploy(host.service, "one")
    assert program.deploy(host.service, "one") == {"changed": False, "release": "one", "did": []}
    assert host.restarts == 1


def test_changed_secret_restarts_the_unit(host: Host) -> None:
    host.release("one")
    program.deploy(host.service, "one")
    host.started = time.time() - 1
    os.utime(host.root / "opt/main/current", follow_symlinks=False)
    (host.root / "secret").write_text("new")
    assert program.deploy(host.service, "one")["changed"]
    assert host.restarts == 2


def test_unhealthy_release_is_taken_back_and_told(host: Host) -> None:
    host.release("one")
    program.deploy(host.service, "one")
    host.release("two")
    host.broken = {"two"}
    with pytest.raises(program.ReleaseError) as told:
        program.deploy(host.service, "two")
    assert "503\nits journal:\nthe journal" in str(told.value)
    assert "release two was taken back; one runs again, which is healthy" in str(told.value)
    assert host.current == "one"
    assert program.healthy(host.service) == ["one"]


def test_release_that_was_healthy_before_is_not_taken_back(host: Host) -> None:
    """Its trouble lies elsewhere: with the database, for instance."""
    host.release("one", healthy_at=1)
    host.release("two")
    program.deploy(host.service, "two")
    host.broken = {"one", "two"}
    with pytest.raises(program.ReleaseError, match="not healthy"):
        program.deploy(host.service, "two")
    assert host.current == "two"


def test_switch_cut_off_before_the_restart_is_carried_on(host: Host) -> None:
    host.release("one", healthy_at=1)
    program.deploy(host.service, "one")
    os.utime(host.root / "opt/main/releases/one/.healthy", (1, 1))
    host.release("two")
    host.started = time.time() - 1
    program.point(host.service, "two")
    assert program.deploy(host.service, "two")["did"] == [
        f"sallyport-main.service: older than {host.root}/opt/main/current"
    ]
    assert program.healthy(host.service) == ["two", "one"]


def test_switch_cut_off_is_taken_back_to_the_last_healthy_release(host: Host) -> None:
    host.release("one", healthy_at=1)
    host.release("two", healthy_at=2)
    host.release("three")
    host.broken = {"three"}
    program.point(host.service, "three")
    with pytest.raises(program.ReleaseError, match="two runs again"):
        program.deploy(host.service, "three")
    assert host.current == "two"


def test_last_three_stay(host: Host) -> None:
    for number, name in enumerate(("one", "two", "three")):
        host.release(name, healthy_at=number + 1)
    host.release("never-ran")
    host.release("four")
    assert program.deploy(host.service, "four")["did"][1:] == ["removed never-ran", "removed one"]
    assert program.installed(host.service) == ["four", "three", "two"]


def test_going_back_twice_goes_back_by_two(host: Host) -> None:
    for number, name in enumerate(("one", "two", "three")):
        host.release(name, healthy_at=number + 1)
    program.point(host.service, "three")
    assert program.back(host.service, None)["release"] == "two"
    assert program.back(host.service, None)["release"] == "one"
    with pytest.raises(program.ReleaseError, match="no release before one; there are: three, two, one"):
        program.back(host.service, None)


def test_going_back_to_a_release_that_never_ran_is_refused(host: Host) -> None:
    host.release("one", healthy_at=1)
    host.release("two")
    with pytest.raises(program.ReleaseError, match="no release 'two' that ever ran; there are: one"):
        program.back(host.service, "two")


def test_release_that_is_not_installed_is_refused(host: Host) -> None:
    host.release("one")
    with pytest.raises(program.ReleaseError, match="no release 'two' installed; there are: one"):
        program.deploy(host.service, "two")


@pytest.mark.usefixtures("host")
def test_service_that_is_not_here_is_told_with_those_that_are() -> None:
    with pytest.raises(program.ReleaseError, match="no service 'other' on this host; services here: main"):
        program.read_manifest("other")


@pytest.mark.parametrize("deployed", [False, True])
def test_look_tells_what_is_left_to_do(host: Host, deployed: bool) -> None:
    host.release("one")
    if deployed:
        program.deploy(host.service, "one")
    said = program.look("main", "one")
    assert (said["installed"], said["settled"], said["fresh"]) == (True, deployed, deployed)
    assert not program.look("main", "two")["installed"]


def test_health_is_asked_of_the_release_s_own_program(host: Host, tmp_path: Path) -> None:
    python = tmp_path / "opt/main/releases/one/bin/python"
    host.release("one")
    python.parent.mkdir()
    python.write_text('#!/bin/sh\n[ "$1" = well ] && exit 0\necho "worker1 answers NOT_SERVING" >&2\nexit 1\n')
    python.chmod(0o755)
    program.point(host.service, "one")
    assert program.ask(host.service, ["well"]) is None
    told = program.ask(host.service, ["ill"])
    assert told.endswith("ill ends with 1: worker1 answers NOT_SERVING")
    python.unlink()
    assert program.ask(host.service, ["well"]).endswith("No such file or directory")
