"""How checks speak to a host: a command, or one of the agents, run as root over the connection that is already open."""

import base64
import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

_AGENTS = Path(__file__).with_name("agent")


@dataclass(frozen=True)
class Completed:
    """What a command left: its exit status, and what it said."""

    status: int
    out: str
    err: str


class Shell(Protocol):
    """A host that runs commands as root. `name` is the inventory's."""

    name: str

    def run(self, command: str, given: str | None = None) -> Completed:
        """Run a shell command as root; a failure is a status, not an exception.

        `given` goes to its standard input. Secrets travel there: arguments are seen by every user and logged by sudo.
        """
        ...


class RemoteError(RuntimeError):
    """A command that must not fail has failed. Holds host, command's beginning, and what it said."""

    def __init__(self, host: str, command: str, completed: Completed) -> None:
        said = (completed.err or completed.out).strip()[-2000:]
        super().__init__(f"{host}: exit {completed.status} of `{command[:120]}`: {said}")


def must(shell: Shell, command: str, given: str | None = None) -> str:
    """Return what a command printed. Raises RemoteError when it fails."""
    completed = shell.run(command, given)
    if completed.status != 0:
        raise RemoteError(shell.name, command, completed)
    return completed.out


def agent_source(agent: str) -> str:
    """Return the text of an agent's program."""
    return (_AGENTS / f"{agent}.py").read_text(encoding="utf-8")


def agent_command(agent: str, parameters: object) -> str:
    """Return the command that runs an agent from its text, without leaving a file."""
    program = base64.b64encode(agent_source(agent).encode()).decode()
    loader = f"import base64; exec(compile(base64.b64decode('{program}'), '{agent}', 'exec'))"
    return f"python3 -c {shlex.quote(loader)} {shlex.quote(json.dumps(parameters))}"


def ask(shell: Shell, agent: str, parameters: object) -> Any:
    """Return what an agent reports. Raises RemoteError when it fails."""
    return json.loads(must(shell, agent_command(agent, parameters)))


def tell(shell: Shell, agent: str, parameters: object) -> Any:
    """Return what an agent reports which takes its parameters on standard input, for they hold secrets.

    Raises RemoteError when it fails.
    """
    return json.loads(must(shell, agent_command(agent, None), json.dumps(parameters)))
