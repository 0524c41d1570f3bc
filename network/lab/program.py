"""Runs other programs. What fails is told as an error the user can act on, with the log that explains it."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from network.errors import Problem, UserError

_TAIL = 4


def run(
    command: Sequence[str],
    *,
    doing: str,
    stdin: str | None = None,
    timeout: float | None = 120,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
    remedy: str | None = None,
) -> str:
    """Run a program to its end and return its standard output.

    `doing` says what it is for ("start web1"), `timeout` is in seconds, `environment` is added to this process's own.
    With a `log` both outputs are appended to that file and nothing is returned. Raises UserError when the program is
    missing, takes too long or fails.
    """
    try:
        if log is None:
            done = subprocess.run(
                command,
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                env=_joined(environment),
                check=False,
            )
            said, where = done.stderr or done.stdout, command[0]
        else:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as sink:
                start = sink.tell()
                done = subprocess.run(
                    command,
                    input=stdin,
                    stdin=subprocess.DEVNULL if stdin is None else None,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    text=True,
                    timeout=timeout,
                    env=_joined(environment),
                    check=False,
                )
            said, where = log.read_bytes()[start:].decode(errors="replace"), str(log)
    except FileNotFoundError as error:
        raise failure(doing, command[0], f"{command[0]} is not installed", f"install {command[0]}") from error
    except subprocess.TimeoutExpired as error:
        raise failure(doing, str(log or command[0]), f"no end after {timeout:.0f} s", remedy) from error
    if done.returncode:
        raise failure(doing, where, tail(said) or f"exit code {done.returncode}", remedy)
    return done.stdout or ""


def failure(doing: str, where: str, found: str, remedy: str | None = None) -> UserError:
    """Return the error that tells that doing something failed: where to look, and the program's last words."""
    return UserError(
        Problem(where, found, f"could not {doing}", remedy or "mend what it says, then type the same command again")
    )


def tail(text: str) -> str:
    """Return the last lines of a program's output, as one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-_TAIL:])


def _joined(environment: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if environment is None else {**os.environ, **environment}
