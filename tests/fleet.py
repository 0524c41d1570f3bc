"""The fleet under test: the model, and a root shell on each host through the bastion.

Which environment is tested says ``SALLYPORT_INVENTORY`` (``inventory/lab`` where it is unset). Without a reachable lab
the run ends at once with one sentence: a skipped check is no check.
"""

import os
import secrets
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import testinfra  # type: ignore[import-untyped]

from network.check import lock
from network.check.expectation import Expectation, expectation
from network.check.facts import Facts
from network.check.gather import gather
from network.check.shell import Completed, Shell
from network.model import Model
from network.read import load

ROOT = Path(__file__).parent.parent


class HostShell:
    """A root shell on a host, over the shared SSH connection (testinfra's ssh backend)."""

    def __init__(self, name: str, ssh_config: Path) -> None:
        self.name = name
        self._ssh = ("ssh", "-F", str(ssh_config), name)
        self._host = testinfra.get_host(f"ssh://{name}", ssh_config=str(ssh_config), sudo=True)

    def run(self, command: str, given: str | None = None) -> Completed:
        """Run a shell command as root. testinfra has no standard input, so what is given goes by plain ssh."""
        if given is None:
            try:
                done = self._host.run(command)
            except RuntimeError as error:  # No connection.
                return Completed(255, "", str(error))
            return Completed(done.rc, done.stdout, done.stderr)
        order = [*self._ssh, f"sudo -n /bin/sh -c {shlex.quote(command)}"]
        fed = subprocess.run(order, input=given, capture_output=True, text=True, check=False)
        return Completed(fed.returncode, fed.stdout, fed.stderr)


class LocalShell:
    """The control node itself, as the user who runs the tests."""

    name = "control node"

    def run(self, command: str, given: str | None = None) -> Completed:
        """Run a shell command."""
        done = subprocess.run(["/bin/sh", "-c", command], input=given, capture_output=True, text=True, check=False)
        return Completed(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Secret:
    """A text that no failing test may show: it hides itself in `repr`."""

    text: str = field(repr=False)


def secret(state: Path, name: str) -> Secret:
    """Return a secret of the environment."""
    return Secret((state / "secrets" / name).read_text(encoding="utf-8").strip())


def inventory() -> Path:
    """Return the inventory directory of the environment under test."""
    return ROOT / os.environ.get("SALLYPORT_INVENTORY", "inventory/lab")


def state_directory(environment: str) -> Path:
    """Return where the control node keeps the environment's keys and secrets."""
    return ROOT / ".sallyport" / environment


def show_no_arguments(config: pytest.Config) -> None:
    """Have tracebacks show lines, not the arguments of functions: some carry secrets."""
    if config.option.tbstyle == "auto":
        config.option.tbstyle = "short"


@pytest.fixture(scope="session")
def model() -> Model:
    """Read the policy and the inventory under test."""
    return load(ROOT / "network/policy.yml", inventory())


@pytest.fixture(scope="session")
def state(model: Model) -> Path:
    """Return the environment's directory on the control node."""
    return state_directory(model.fleet.environment)


@pytest.fixture(scope="session")
def alone(state: Path) -> Iterator[None]:
    """Wait until no other run looks at this fleet: two would mend each other's temporary changes."""
    with lock.alone(state):
        yield


@pytest.fixture(scope="session")
def shells(model: Model, state: Path, alone: None) -> Mapping[str, Shell]:  # noqa: ARG001
    """Open a shell on every host, all at once. Ends the run when one of them is out of reach."""
    config = state / "ssh_config"
    if not config.exists():
        pytest.exit(f"There is no {model.fleet.environment} to test ({config} is missing): run ./sallyport up", 3)
    opened = {name: HostShell(name, config) for name in model.fleet.hosts}
    jump = [name for name in opened if "bastion" in model.fleet.hosts[name].groups]
    with ThreadPoolExecutor(len(opened)) as pool:
        deaf = [name for name in jump if opened[name].run("true").status != 0]
        deaf = deaf or [name for name, done in zip(opened, pool.map(_greet, opened.values()), strict=True) if not done]
    if deaf:
        pytest.exit(f"No answer over SSH from {', '.join(deaf)}: run ./sallyport status, then ./sallyport up", 3)
    return opened


def _greet(shell: Shell) -> bool:
    return shell.run("true").status == 0


@pytest.fixture(scope="session")
def expectations(model: Model) -> Mapping[str, Expectation]:
    """Return what each host ought to look like."""
    return {name: expectation(model, name) for name in model.fleet.hosts}


@pytest.fixture(scope="session")
def nonce() -> str:
    """Return a word that no log holds yet."""
    return f"sallyport-check-{secrets.token_hex(8)}"


@pytest.fixture(scope="session")
def facts(shells: Mapping[str, Shell], expectations: Mapping[str, Expectation], nonce: str) -> Mapping[str, Facts]:
    """Gather from every host, once, all hosts at the same time."""
    with ThreadPoolExecutor(len(shells)) as pool:
        looks = pool.map(lambda name: gather(shells[name], expectations[name], nonce), shells)
        return dict(zip(shells, looks, strict=True))
