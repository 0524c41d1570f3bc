"""No secret in any output, log, command line, environment or file that is not made to hold it.

The environment's own secrets are what is looked for: known, unique, and in use.
"""

import os
import shlex
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex

import pytest

from network.check.shell import Shell, tell
from network.check.temporary import changed
from tests.fleet import ROOT, inventory

# What holds secrets on purpose, by path and by the secrets that may lie there.
_HOLDERS = {
    "/etc/sallyport/secrets/": "*",
    "/etc/sallyport/nginx/": "callback_token",
    "/run/credentials/": "*",
}
_HOLDERS_OF_NONE: dict[str, list[str]] = {}
_FOLDERS = ("/etc", "/var/log", "/run", "/opt/sallyport", "/var/lib/sallyport", "/home", "/root", "/tmp")  # noqa: S108
_SHORTEST = 16


@pytest.fixture(scope="module")
def known(state: Path) -> dict[str, str]:
    """Return every secret of the environment by name."""
    found = {path.name: path.read_text(encoding="utf-8").strip() for path in (state / "secrets").iterdir()}
    found = {name: text for name, text in found.items() if text}
    assert found, f"no secrets under {state / 'secrets'}"
    short = [name for name, text in found.items() if len(text) < _SHORTEST]
    assert not short, f"too short to be looked for (and to be kept): {short}"
    return found


def test_hosts_hold_secrets_only_where_they_belong(shells: Mapping[str, Shell], known: dict[str, str]) -> None:
    holders = {
        path: [name for name in known if held == "*" or name.startswith(held)] for path, held in _HOLDERS.items()
    }

    def look(shell: Shell) -> list[str]:
        given = {"secrets": known, "folders": _FOLDERS, "holders": holders}
        return [f"{shell.name}: {found}" for found in tell(shell, "seek", given)]

    with ThreadPoolExecutor(len(shells)) as pool:
        leaks = [leak for found in pool.map(look, shells.values()) for leak in found]

    assert leaks == []


def test_the_search_finds_what_is_leaked_on_purpose(shells: Mapping[str, Shell]) -> None:
    word, shell = f"drill-{token_hex(16)}", next(iter(shells.values()))
    leak = f"logger -t sallyport-drill {word}; echo {word} > /run/sallyport-drill-leak; exec -a {word} sleep 30"
    unit = "sallyport-drill-leak"
    start = f"systemd-run -q --collect --unit={unit} bash -c {shlex.quote(leak)}; sleep 1"
    with changed(shell, "leak", start, f"systemctl stop {unit} 2>/dev/null; rm -f /run/{unit}; true"):
        found = tell(shell, "seek", {"secrets": {"word": word}, "folders": _FOLDERS, "holders": _HOLDERS_OF_NONE})

    assert {"journal: word", "cmdline of sleep: word", f"/run/{unit}: word"} <= set(found)


def test_logs_of_provisioning_hold_no_secret(state: Path, known: dict[str, str]) -> None:
    logs = [path for path in (state / "log").rglob("*") if path.is_file()]
    assert logs, f"no log of a run under {state / 'log'}"

    leaks = [leak for path in logs for leak in leaks_in(path.read_bytes(), known, str(path))]
    assert leaks == []


def test_a_dry_run_that_shows_everything_shows_no_secret(known: dict[str, str]) -> None:
    program = ROOT / ".venv/bin/ansible-playbook"
    order: list[str | Path] = [program, "-i", inventory(), "playbooks/site.yml", "--check", "--diff", "-vv"]
    done = subprocess.run(
        order, cwd=ROOT, capture_output=True, check=False, env={**os.environ, "ANSIBLE_FORCE_COLOR": "0"}
    )

    assert b"PLAY RECAP" in done.stdout, done.stderr.decode()[-2000:]
    leaks = leaks_in(done.stdout + done.stderr, known, "output")
    assert leaks == []


def test_the_repository_holds_no_secret(known: dict[str, str]) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files = [ROOT / name for name in listed.decode().split("\0") if name]

    leaks = [leak for path in files if path.is_file() for leak in leaks_in(path.read_bytes(), known, str(path))]
    assert leaks == []


def leaks_in(text: bytes, known: Mapping[str, str], where: str) -> list[str]:
    """Return which secrets a text holds, by name. Never call it inside an assert: pytest shows the arguments."""
    return [f"{where}: {name}" for name, secret in known.items() if secret.encode() in text]
