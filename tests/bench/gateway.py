"""Messages that the gateway accepts, on this machine, measured in the services' own environment."""

from tests.bench.elsewhere import measured
from tests.bench.row import Row


def measure_gateway() -> list[Row]:
    """Return messages accepted per second beside the bare server's rate, and beside a commit for each message.

    Raises UserError where the services' environment is missing or the measurement fails.
    """
    found: dict[str, float] = measured("tests.services.gateway.throughput")
    what, target = "messages accepted, each on disk", ">= 500 messages/s"
    return [
        Row(what, found["ours"], "messages/s", "the server alone, which keeps nothing", found["bare"], target),
        Row(what, found["ours"], "messages/s", "a commit for each, one by one", found["one by one"], target),
        Row("messages accepted and not kept", found["lost"], "messages", "-", None, "0"),
    ]
