"""The ways from main to the async service, on this machine: http is what the others are compared with."""

from typing import Any

from tests.bench.elsewhere import measured
from tests.bench.row import Row

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
    return rows(
        measured("tests.services.handing_over", needs=", and apt-get install rabbitmq-server redis-server maven")
    )


def rows(found: dict[str, dict[str, Any]]) -> list[Row]:
    """Return the figures as rows, way by way."""
    return [
        _row(name, what, figures[key] * scale, unit, None if name == REFERENCE else found[REFERENCE][key] * scale)
        for name, figures in found.items()
        for what, key, unit, scale in FIGURES
    ]


def _row(name: str, what: str, value: float, unit: str, reference: float | None) -> Row:
    return Row(f"{name}: {what}", value, unit, "-" if reference is None else REFERENCE, reference, "-")
