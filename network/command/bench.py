"""``sallyport bench``: measures, and prints each figure beside a reference from the same run."""

import argparse
from collections.abc import Callable

from network.check.shell import RemoteError
from network.command.answers import unanswered
from network.errors import UserError
from tests.bench import brokers, chat, deferred, feed, firewall, formed, gateway, lab, proof, scale, stocks, transports
from tests.bench.row import Row, table

HELP = "measure speed and memory, each figure beside a reference of the same run"

BENCHES: dict[str, Callable[[], list[Row]]] = {
    "proof": proof.measure,
    "firewall": firewall.measure,
    "scale": scale.measure,
    "deferred": deferred.measure_deferred,
    "formed": formed.measure,
    "feed": feed.measure,
    "stocks": stocks.measure,
    "brokers": brokers.measure,
    "gateway": gateway.measure_gateway,
    "chat": chat.measure_chat,
    "transports": transports.measure,
    "memory": lab.measure_memory,
    "again": lab.measure_again,
    "from-nothing": lab.measure_from_nothing,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"{', '.join(BENCHES)}; all of them by default. from-nothing takes the lab down first",
    )


def run(args: argparse.Namespace) -> int:
    """Run the named benches in order and print one table each. Raises UserError where nothing could be measured."""
    names = args.names or list(BENCHES)
    if unknown := [name for name in names if name not in BENCHES]:
        print(f"no bench is called {', '.join(unknown)}; there are {', '.join(BENCHES)}")
        return 2
    for name in names:
        print(f"{name}: measuring", flush=True)
        try:
            rows = BENCHES[name]()
        except RemoteError as error:
            raise UserError(unanswered(error)) from None
        print(table(rows), flush=True)
    return 0
