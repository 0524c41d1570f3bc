"""Deliveries of the chat, on this machine, measured in the services' own environment."""

from typing import Any

from tests.bench.elsewhere import measured
from tests.bench.row import Row

SHAPES = {"two": "two sockets a chat", "ten": "ten sockets a chat"}
TARGETS = {"two": "-", "ten": ">= 5000 deliveries/s"}


def measure_chat() -> list[Row]:
    """Return deliveries per second and their delay, beside a bare broadcast that keeps nothing.

    Raises UserError where the services' environment is missing or the measurement fails.
    """
    return rows(measured("tests.services.chat.throughput"))


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
