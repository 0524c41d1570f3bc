"""Deliveries of the chat, on this machine, measured in the services' own environment."""

import json
import subprocess
from typing import Any

from network.environment import ROOT
from network.errors import Problem, UserError
from tests.bench.row import Row

SECONDS = 420
MODULE = "tests.services.chat.throughput"
SHAPES = {"two": "two sockets a chat", "ten": "ten sockets a chat"}
TARGETS = {"two": "-", "ten": ">= 5000 deliveries/s"}


def measure_chat() -> list[Row]:
    """Return deliveries per second and their delay, beside a bare broadcast that keeps nothing.

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
    return rows(json.loads(done.stdout))


def rows(found: dict[str, dict[str, dict[str, Any]]]) -> list[Row]:
    """Return the figures as rows."""
    made = []
    for name, shape in SHAPES.items():
        ours, bare = found[name]["ours"], found[name]["bare"]
        beside = "a bare broadcast, which keeps nothing"
        made += [
            Row(f"deliveries, {shape}", ours["rate"], "deliveries/s", beside, bare["rate"], TARGETS[name]),
            Row(f"delay p99, {shape}", ours["p99"] * 1000, "ms", beside, bare["p99"] * 1000, "< 100 ms"),
            Row(f"deliveries lost, {shape}", ours["lost"], "deliveries", "-", None, "0"),
        ]
    return made


def _failed(found: str) -> Problem:
    return Problem(
        MODULE,
        found,
        "what is measured must succeed",
        "set it up: .venv/bin/uv sync --frozen --project services; then see the run by itself",
    )
