"""The ways from main to the async service, on this machine: http is what the others are compared with."""

import json
import subprocess
from typing import Any

from network.environment import ROOT
from network.errors import Problem, UserError
from tests.bench.row import Row

SECONDS = 420
PYTHON = "services/.venv/bin/python"
REFERENCE = "http"
# What, by which name it is measured, in which unit, and how many of that are in one of the measurement's.
FIGURES = (
    ("handed over, 64 at once", "rate", "jobs/s", 1),
    ("answer, p50", "answered_p50", "ms", 1000),
    ("answer, p99", "answered_p99", "ms", 1000),
    ("kept by the async service, p50", "kept_p50", "ms", 1000),
    ("kept by the async service, p99", "kept_p99", "ms", 1000),
)


def measure() -> list[Row]:
    """Return rate and latency of each way. Raises UserError where the services' environment or a server is missing."""
    command = (PYTHON, "-m", "tests.services.handing_over")
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        raise UserError(_failed("the services' environment is missing")) from None
    if done.returncode:
        raise UserError(_failed(" | ".join(done.stderr.splitlines()[-3:])))
    return rows(json.loads(done.stdout))


def rows(found: dict[str, dict[str, Any]]) -> list[Row]:
    """Return the figures as rows, way by way."""
    return [
        _row(name, what, figures[key] * scale, unit, None if name == REFERENCE else found[REFERENCE][key] * scale)
        for name, figures in found.items()
        for what, key, unit, scale in FIGURES
    ]


def _row(name: str, what: str, value: float, unit: str, reference: float | None) -> Row:
    return Row(f"{name}: {what}", value, unit, "-" if reference is None else REFERENCE, reference, "-")


def _failed(found: str) -> Problem:
    return Problem(
        "tests.services.handing_over",
        found,
        "what is measured must succeed",
        "set it up: .venv/bin/uv sync --frozen --project services, and apt-get install rabbitmq-server redis-server",
    )
