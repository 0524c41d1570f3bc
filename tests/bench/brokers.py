"""Events from outbox through each broker to inbox, on this machine, measured in the services' environment."""

import json
import subprocess
from typing import Any

from network.environment import ROOT
from network.errors import Problem, UserError
from tests.bench.row import Row

SECONDS = 420
PYTHON = "services/.venv/bin/python"


def measure() -> list[Row]:
    """Return the rate with each broker, beside FastStream's plain consumption from the same broker.

    Raises UserError where the services' environment is missing or the measurement fails.
    """
    command = (PYTHON, "-m", "tests.services.broker.rates", "--references")
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        raise UserError(_failed("the services' environment is missing")) from None
    if done.returncode:
        raise UserError(_failed(" | ".join(done.stderr.splitlines()[-3:])))
    return rows(json.loads(done.stdout))


def rows(found: dict[str, dict[str, Any]]) -> list[Row]:
    """Return the figures as rows."""
    made = []
    for broker, figures in found.items():
        outcome = figures["outcome"]
        wrong = outcome["lost"] + outcome["doubled"] + outcome["reordered"]
        beside = "FastStream consumes from it, without outbox and inbox"
        made += [
            Row(f"{broker}: outbox to inbox", figures["rate"], "events/s", beside, figures["reference"], ">= 1,000/s"),
            Row(f"{broker}: lost, doubled or out of order", wrong, "events", "-", None, "0"),
        ]
    return made


def _failed(found: str) -> Problem:
    return Problem(
        "tests.services.broker.rates",
        found,
        "what is measured must succeed",
        "set it up: .venv/bin/uv sync --frozen --project services --group bench; then see the run by itself",
    )
