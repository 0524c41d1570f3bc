"""Deferred jobs end to end, on this machine: the services' processes on loopback, measured in their own environment."""

from typing import Any

from tests.bench.elsewhere import measured
from tests.bench.row import Row


def measure_deferred() -> list[Row]:
    """Return rate and lateness at 500 jobs a second with 10,000 waiting; the references do fewer jobs of the same kind.

    Raises UserError where the services' environment is missing or the measurement fails.
    """
    return rows(measured("tests.services.throughput", "--references", needs=" --group bench"))


def rows(found: dict[str, dict[str, Any]]) -> list[Row]:
    """Return the figures as rows."""
    ours = found["ours"]
    made = []
    for name, reference in found.items():
        if name == "ours":
            continue
        beside = f"{name}, {reference['jobs']} jobs (1 to {ours['jobs'] / reference['jobs']:.0f})"
        made += [
            Row("deferred jobs, 5 s wait each", ours["rate"], "jobs/s", beside, reference["rate"], ">= 500 jobs/s"),
            Row("lateness p99", ours["late_p99"] * 1000, "ms", beside, reference["late_p99"] * 1000, "< 250 ms"),
        ]
    return [
        *made,
        Row("jobs that waited at once", ours["waiting"], "jobs", "-", None, ">= 10,000"),
        Row("jobs lost or done twice", ours["lost"] + ours["doubled"], "jobs", "-", None, "0"),
    ]
