"""Locking oneself out, really: every way heals, and says what happened. The lab ends with the rules that it had."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Thread

import pytest

from network.check.shell import Shell
from network.read import load
from tests.web import public_door

ROOT = Path(__file__).resolve().parents[2]
TRIAL = 20
"""Seconds: the shortest that the loader takes."""
HEALED = 60
"""Seconds within which a host that was shut must answer again."""


def playbook(
    *words: str, policy: Path | None = None, path: Path | None = None, book: str = "site"
) -> subprocess.Popen[str]:
    """Start the network stage's firewall part, with another policy or with a folder of programs that come first.

    Another `book` is run as a whole.
    """
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1"}
    if policy:
        environment["SALLYPORT_POLICY"] = str(policy)
    if path:
        environment["PATH"] = f"{path}:{environment['PATH']}"
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "inventory/lab", f"playbooks/{book}.yml"]
    command += [*(("--tags", "firewall") if book == "site" else ()), "-e", f"firewall_trial_seconds={TRIAL}", *words]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def status(shell: Shell) -> dict[str, object]:
    done = shell.run("/usr/local/sbin/sallyport-firewall status")
    assert done.status == 0, done.err
    found: dict[str, object] = json.loads(done.out)
    return found


def confirmed(shells: Mapping[str, Shell]) -> dict[str, object]:
    return {name: status(shell)["confirmed"] for name, shell in shells.items()}


def answers(shell: Shell, seconds: float) -> float:
    """Wait until a host is as it was before a trial; return how long that took, in seconds."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        done = shell.run("timeout 5 /usr/local/sbin/sallyport-firewall status")
        if done.status == 0 and json.loads(done.out)["state"] == "rolled-back":
            return time.monotonic() - start
        time.sleep(1)
    pytest.fail(f"{shell.name} has not put its rules back within {seconds} s")


@pytest.fixture(scope="module", autouse=True)
def restored() -> Iterator[None]:
    """Bring the policy's rules back at the end, and see that they are there."""
    yield
    run = playbook()
    said = run.communicate()[0]
    assert run.returncode == 0, said


@pytest.fixture
def shut(tmp_path: Path) -> Path:
    """Write a policy without SSH to the fleet."""
    text = (ROOT / "network/policy.yml").read_text()
    less, count = re.subn(r"  - id: fleet-ssh\n(    .*\n)+", "", text)
    assert count == 1
    return _policy(tmp_path, less)


@pytest.fixture
def wider(tmp_path: Path) -> Path:
    """Write a policy with a flow more, which changes the rules of worker, both firewalls, database and a stand-in."""
    text = (ROOT / "network/policy.yml").read_text()
    more = text.replace("services:\n", "services:\n  drill: tcp/9997\n", 1) + (
        "\n  - {id: drill, from: worker, to: [db, message-providers], service: drill,"
        " why: A drill., owner: platform, review_by: 2027-06-01}\n"
    )
    return _policy(tmp_path, more)


def _policy(folder: Path, text: str) -> Path:
    path = folder / "policy.yml"
    path.write_text(text)
    return path


def _ssh(folder: Path, when: str, act: str) -> Path:
    """Write an ssh that acts otherwise when its words match a shell pattern."""
    place = folder / "bin"
    place.mkdir()
    program = place / "ssh"
    program.write_text(f'#!/bin/sh\ncase "$*" in {when}) {act} ;; esac\nexec /usr/bin/ssh "$@"\n')
    program.chmod(0o755)
    return place


def test_a_policy_without_ssh_is_refused_before_anything_is_touched(shut: Path, shells: Mapping[str, Shell]) -> None:
    before = {name: status(shell) for name, shell in shells.items()}
    run = playbook(policy=shut)
    said = run.communicate()[0]
    assert run.returncode != 0
    assert "REFUSED: operators would lose" in said
    assert "no flow lets operators reach this host with SSH" in said
    assert {name: status(shell) for name, shell in shells.items()} == before


def test_a_host_that_is_shut_nonetheless_comes_back_by_itself(shut: Path, shells: Mapping[str, Shell]) -> None:
    before = status(shells["db1"])["confirmed"]
    run = playbook("--limit", "db1", "-e", "firewall_keep_management_path=false", policy=shut)
    said = run.communicate()[0]
    assert run.returncode != 0
    assert "could not be confirmed over a new SSH connection" in said
    answers(shells["db1"], HEALED)
    assert status(shells["db1"])["confirmed"] == before


def test_a_control_node_killed_before_it_confirms_leaves_the_old_rules(
    wider: Path, shells: Mapping[str, Shell], tmp_path: Path
) -> None:
    before = status(shells["db1"])["confirmed"]
    number = tmp_path / "pid"
    path = _ssh(tmp_path, '*"sallyport-firewall confirm"*', f"kill -9 $(cat {number}); exit 255")
    run = playbook("--limit", "db1", policy=wider, path=path)
    number.write_text(str(run.pid))
    with run:
        assert run.wait(timeout=120) == -9
        assert status(shells["db1"])["state"] == "pending"
    answers(shells["db1"], HEALED)
    assert status(shells["db1"])["confirmed"] == before


def test_the_rules_before_are_brought_back_on_the_same_safe_way(wider: Path, shells: Mapping[str, Shell]) -> None:
    before = status(shells["worker1"])["confirmed"]
    run = playbook("--limit", "worker1", policy=wider)
    said = run.communicate()[0]
    assert run.returncode == 0, said
    assert status(shells["worker1"])["confirmed"] != before
    run = playbook("--limit", "worker1", book="firewall-rollback")
    said = run.communicate()[0]
    assert run.returncode == 0, said
    now = status(shells["worker1"])
    assert (now["confirmed"], now["live_as_loaded"]) == (before, True)


_TICKS = "while sleep 0.1; do echo tick; done"
_REQUESTS = """
import http.client, ssl, time
front = http.client.HTTPSConnection("{name}", {port}, timeout=30, context=ssl.create_default_context(cafile="{ca}"))
front.connect()
front.auto_open = False  # a broken connection is not opened again, but an error
while True:
    front.request("GET", "/")
    front.getresponse().read()
    print("tick", flush=True)
    time.sleep(0.5)
"""
"""One connection from a visitor through the edge's translation to the web server, with two requests a second."""


class Stream:
    """A long-lived TCP stream through the firewalls: signs of life from a command on a host, some a second."""

    def __init__(self, host: str, ssh_config: Path, command: str = _TICKS) -> None:
        ssh = f"ssh -F {ssh_config} -o ControlMaster=no -o ControlPath=none"
        there = shlex.quote(shlex.quote(command))
        order = ["sh", "-c", f"exec {ssh} -o ProxyCommand='{ssh} -W %h:%p bastion1' {host} sh -c {there}"]
        quiet = subprocess.DEVNULL  # An ssh makes what it is given non-blocking, and Ansible would not have that.
        self._process = subprocess.Popen(order, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, text=True)
        self.arrived: list[float] = []
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stdout
        for _ in self._process.stdout:
            self.arrived.append(time.monotonic())

    def stop(self) -> float:
        """End it; return the longest silence, in seconds. It must have lived until now."""
        alive = self._process.poll() is None
        self._process.kill()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout
        self._process.stdout.close()
        assert alive, "the stream was broken"
        return max(later - earlier for earlier, later in zip(self.arrived, self.arrived[1:], strict=False))


def test_a_half_applied_fleet_is_put_back_and_streams_live_on(
    wider: Path, shells: Mapping[str, Shell], tmp_path: Path, state: Path
) -> None:
    hosts = {name: shells[name] for name in ("edge1", "core1", "worker1", "db1")}
    before = confirmed(hosts)
    address = "192.168.60.10"
    path = _ssh(tmp_path, f'*{address}*"sallyport-firewall confirm"*', "exit 255")
    front = public_door(load(ROOT / "network/policy.yml", ROOT / "inventory/lab"))
    requests = _REQUESTS.format(name=front.name, port=front.port, ca=front.authority)
    stream = Stream("worker1", state / "ssh_config")
    visit = Stream("client1", state / "ssh_config", f"python3 -c {shlex.quote(requests)}")
    run = playbook(policy=wider, path=path)
    said = " ".join(run.communicate()[0].split())
    silence = max(stream.stop(), visit.stop())
    assert run.returncode != 0
    assert "The rules of the fleet were half applied. db1: its new rules were loaded" in said
    told = re.search(r"Put back to the rules confirmed before: ([^.]*)[.]", said)
    assert told, said
    *others, last, first = told[1].split(", ")
    assert (set(others), {last, first}) == ({"worker1", "outside1"}, {"edge1", "core1"})
    answers(shells["db1"], HEALED)
    assert confirmed(hosts) == before
    assert all(status(shells[name])["live_as_loaded"] for name in ("edge1", "core1", "worker1"))
    assert silence < 2, f"the stream stood still for {silence:.1f} s"
