"""GET /stocks a second: from the visitor's host through edge, TLS and nginx, beside uvicorn alone on the web host."""

from typing import Any

from network.check.shell import Shell, tell
from tests.bench.row import Row
from tests.bench.visitors import Town, visitors

# Each may ask 50 times a second, and nginx would answer the rest with 429.
VISITORS = 60
CONNECTIONS = 16
SECONDS = 10.0
APPLICATION_PORT = 8000


def measure() -> list[Row]:
    """Return the rate and the slowest answers. Raises UserError without a lab, and RemoteError."""
    with visitors(VISITORS) as town:
        there = _press(town.shell("visitor"), town.given() | {"host": town.door.name, "sources": town.sources})
        alone = _alone(town)
    beside = f"uvicorn alone, {CONNECTIONS} connections on its own host"
    return [
        Row("GET /stocks through edge, TLS and nginx", _rate(there), "answers/s", beside, _rate(alone), "told"),
        Row("its answers, p99", there["p99"] * 1000, "ms", beside, alone["p99"] * 1000, "told"),
        Row("answers other than 200", _others(there), "answers", beside, _others(alone), "0"),
    ]


def _alone(town: Town) -> dict[str, Any]:
    given = {"ca": "", "address": "127.0.0.1", "port": APPLICATION_PORT, "name": "", "mark": None}
    return _press(town.shell("web"), given | {"host": town.door.name, "sources": [""] * CONNECTIONS})


def _press(shell: Shell, given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = tell(shell, "press", given | {"target": "/stocks", "seconds": SECONDS})
    return found


def _rate(found: dict[str, Any]) -> float:
    return float(found["statuses"].get("200", 0)) / SECONDS


def _others(found: dict[str, Any]) -> float:
    return float(sum(found["statuses"].values()) - found["statuses"].get("200", 0))
