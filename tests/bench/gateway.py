"""Messages that the gateway accepts, on this machine, measured in the services' own environment."""

import json
import subprocess

from network.environment import ROOT
from network.errors import Problem, UserError
from tests.bench.row import Row

SECONDS = 300
MODULE = "tests.services.gateway.throughput"


def measure_gateway() -> list[Row]:
    """Return messages accepted per second beside the bare server's rate, and beside a commit for each message.

    Raises UserError where the services' environment is missing or the measurement fails.
    """
    try:
        done = subprocess.run(
            ("services/.venv/bin/python", "-m", MODULE),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise UserError(_failed("the services' environment is missing")) from None
    if done.returncode:
        raise UserError(_failed(" | ".join(done.stderr.splitlines()[-3:])))
    found: dict[str, float] = json.loads(done.stdout)
    what, target = "messages accepted, each on disk", ">= 500 messages/s"
    return [
        Row(what, found["ours"], "messages/s", "the server alone, which keeps nothing", found["bare"], target),
        Row(what, found["ours"], "messages/s", "a commit for each, one by one", found["one by one"], target),
        Row("messages accepted and not kept", found["lost"], "messages", "-", None, "0"),
    ]


def _failed(found: str) -> Problem:
    return Problem(
        MODULE,
        found,
        "what is measured must succeed",
        "set it up: .venv/bin/uv sync --frozen --project services; then see the run by itself",
    )
