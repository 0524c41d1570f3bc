import subprocess
from pathlib import Path

import pytest

from network.lab.blueprint import Port
from network.lab.connection import known_hosts, ssh_config
from network.lab.state import State
from tests.unit.lab.fleet import model

DOOR = Port("127.0.0.1", 2222, 22)


def understood(state: State, host: str) -> dict[str, str]:
    """Return what ssh itself makes of the configuration for a host."""
    given = model()
    state.home.mkdir(parents=True)
    state.ssh_config.write_text(ssh_config(given, state, given.fleet.hosts["bastion1"], DOOR))
    said = subprocess.run(["ssh", "-F", state.ssh_config, "-G", host], capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in said.stdout.splitlines() if " " in line)


@pytest.mark.parametrize("name", ["web1", "192.168.57.10"])
def test_host_behind_the_bastion(tmp_path: Path, name: str) -> None:
    state = State(tmp_path, "lab")
    found = understood(state, name)
    assert (found["hostname"], found["port"], found["user"]) == ("192.168.57.10", "22", "operator")
    assert found["proxyjump"] == "bastion1"
    assert found["hostkeyalias"] == "web1"
    assert found["stricthostkeychecking"] == "true"
    assert found["userknownhostsfile"] == str(state.known_hosts)
    assert found["globalknownhostsfile"] == "none"
    assert found["controlpath"] == str(state.control / "192.168.57.10")


@pytest.mark.parametrize("name", ["bastion1", "192.168.61.10"])
def test_bastion_by_the_published_port(tmp_path: Path, name: str) -> None:
    found = understood(State(tmp_path, "lab"), name)
    assert (found["hostname"], found["port"]) == ("127.0.0.1", "2222")
    assert "proxyjump" not in found


def test_checkout_with_blanks_and_percent_signs(tmp_path: Path) -> None:
    state = State(tmp_path / "a b 100%h", "lab")
    found = understood(state, "web1")
    assert found["identityfile"].replace("%%", "%") == str(state.key)
    assert found["controlpath"] == str(state.control / "192.168.57.10")


def test_control_sockets_move_where_paths_are_short() -> None:
    near, far = State(Path("/srv/sallyport"), "lab"), State(Path("/srv") / ("deep/" * 20), "lab")
    assert near.control == near.home / "ctl"
    assert len(str(far.control)) < 50
    assert far.control != State(Path("/srv") / ("other/" * 20), "lab").control


def test_known_hosts_has_a_line_a_host_without_comments() -> None:
    keys = {"web1": "ssh-ed25519 AAAA root@web1\n", "db1": "ssh-ed25519 BBBB"}
    assert known_hosts(keys) == "db1 ssh-ed25519 BBBB\nweb1 ssh-ed25519 AAAA\n"
