"""Events from outbox through each broker to inbox, on this machine, measured in the services' environment."""

from typing import Any

from tests.bench.elsewhere import measured
from tests.bench.row import Row


def measure() -> list[Row]:
    """Return the rate with each broker, beside FastStream's plain consumption from the same broker.

    Raises UserError where the services' environment is missing or the measurement fails.
    """
    return rows(measured("tests.services.broker.rates", "--references", needs=" --group bench"))


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
