"""Measurements of the services: modules of their own, which run in their environment and print one line of JSON."""

import json
import subprocess
from typing import Any

from network.environment import ROOT
from network.errors import Problem, UserError

PYTHON = "services/.venv/bin/python"
_SECONDS = 420
_SET_UP = ".venv/bin/uv sync --frozen --project services"


def measured(module: str, *arguments: str, needs: str = "") -> Any:
    """Return what `python -m module` found. needs: what must be there beside the services' own packages.

    Raises UserError where the services' environment is missing or the measurement fails.
    """
    command = (PYTHON, "-m", module, *arguments)
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except FileNotFoundError:
        raise UserError(_failed(module, "the services' environment is missing", needs)) from None
    except subprocess.TimeoutExpired:
        raise UserError(_failed(module, f"it has not ended within {_SECONDS} s", needs)) from None
    if done.returncode:
        raise UserError(_failed(module, " | ".join(done.stderr.splitlines()[-3:]), needs))
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise UserError(_failed(module, f"not figures but {done.stdout[:200]!r}", needs)) from None


def _failed(module: str, found: str, needs: str) -> Problem:
    return Problem(
        module, found, "what is measured must succeed", f"set it up: {_SET_UP}{needs}; then see the run by itself"
    )
