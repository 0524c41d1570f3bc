"""A shell over ssh, with a program in ssh's place that does on this machine what it is told to do on a host."""

from pathlib import Path

import pytest

from network.check.shell import RemoteError, must
from network.check.ssh import SshShell
from network.check.temporary import momentarily


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SshShell:
    programs = {
        "ssh": '#!/bin/sh\nfor last; do :; done\nexec sh -c "${last#sudo -n }"\n',
        "systemd-run": f"#!/bin/sh\necho armed >> {tmp_path}/log\n",
        "systemctl": f"#!/bin/sh\necho disarmed >> {tmp_path}/log\n",
    }
    for name, text in programs.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    return SshShell("host", tmp_path / "ssh_config")


def test_a_command_s_status_output_and_errors_come_back(shell: SshShell) -> None:
    done = shell.run("echo 'one \"two\"'; echo three >&2; exit 7")
    assert (done.status, done.out, done.err) == (7, 'one "two"\n', "three\n")
    assert shell.run("cat", "given").out == "given"


def test_a_moment_s_change_is_seen_and_mended_before_anything_is_said(shell: SshShell, tmp_path: Path) -> None:
    state = tmp_path / "state"
    seen = momentarily(shell, "x", f"echo changed > {state}", f"cat {state}", f"echo mended > {state}")
    assert seen == "changed\n"
    assert state.read_text() == "mended\n"
    log = (tmp_path / "log").read_text().split()
    assert log[log.index("armed") :] == ["armed", "disarmed", "disarmed"]


def test_a_change_that_fails_is_mended_and_told(shell: SshShell, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with pytest.raises(RemoteError, match="host: exit 1"):
        momentarily(shell, "x", "false", "echo looked", f"echo mended > {state}")
    assert state.read_text() == "mended\n"


def test_a_mending_that_fails_is_told(shell: SshShell) -> None:
    with pytest.raises(RemoteError):
        momentarily(shell, "x", "true", "echo looked", "false")
    assert must(shell, "echo fine") == "fine\n"
