"""The container engine's command line: what it says as JSON, and commands that fail as errors a user can act on."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from network.lab import program
from network.lab.blueprint import LABEL

CLIENT = "docker"


def command(*arguments: str, doing: str, timeout: float | None = 120) -> str:
    """Run one engine command and return what it prints. Raises UserError."""
    return program.run((CLIENT, *arguments), doing=doing, timeout=timeout)


def execute(container: str, script: str, *, doing: str, timeout: float | None = 120) -> str:
    """Run a shell script inside a container and return what it prints. Raises UserError."""
    return command("exec", container, "sh", "-euc", script, doing=doing, timeout=timeout)


def information(timeout: float = 10) -> dict[str, Any] | None:
    """Return what the engine says of itself, or None when none answers within the time."""
    try:
        done = subprocess.run(
            (CLIENT, "info", "--format", "{{json .}}"), capture_output=True, text=True, timeout=timeout, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer if answer.get("ServerVersion") else None


def refusal(timeout: float = 10) -> str:
    """Why the engine does not answer, in its client's words."""
    try:
        done = subprocess.run((CLIENT, "version"), capture_output=True, text=True, timeout=timeout, check=False)
    except FileNotFoundError:
        return "no docker command"
    except subprocess.TimeoutExpired:
        return f"no answer within {timeout:.0f} s"
    return program.tail(done.stderr)


def containers(environment: str) -> list[dict[str, Any]]:
    """Every container of the environment's lab, running or not, as the engine describes it. Raises UserError."""
    names = command("ps", "-aq", "--filter", f"label={LABEL}={environment}", doing="list the lab's containers").split()
    return _inspected("container", names)


def networks(environment: str) -> list[dict[str, Any]]:
    """Every network of the environment's lab. Raises UserError."""
    names = command(
        "network", "ls", "-q", "--filter", f"label={LABEL}={environment}", doing="list the lab's networks"
    ).split()
    return _inspected("network", names)


def remove_strays(filtered: str) -> None:
    """Remove the containers, running or not, that a filter of ``docker ps`` finds. Raises UserError."""
    names = command("ps", "-aq", "--filter", filtered, doing="list what was left behind").split()
    if names:
        command("rm", "-f", "-v", *names, doing="remove what was left behind")


def _inspected(kind: str, names: Sequence[str]) -> list[dict[str, Any]]:
    if not names:
        return []
    answer: list[dict[str, Any]] = json.loads(command(kind, "inspect", *names, doing=f"inspect the lab's {kind}s"))
    return answer
