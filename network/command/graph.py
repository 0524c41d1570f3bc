"""``sallyport graph``: zones, hosts and flows as a picture, from the policy or from what is loaded on the fleet."""

import argparse
import sys
from pathlib import Path

from network.command.answers import answers, incomplete
from network.command.output import write
from network.command.show import source_arguments
from network.draw.flowmap import flow_map
from network.draw.heatmap import heat_map
from network.draw.mermaid import diagram
from network.errors import Problem, UserError
from network.prove.fleet.snapshot import IncompleteError
from network.prove.proof import fleets, prove
from network.read import load

HELP = "draw zones, hosts and flows, or who reaches whom (--heat-map), as SVG"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--heat-map", action="store_true", help="who reaches whom: zone by zone, and host by host")
    kind.add_argument("--mermaid", action="store_true", help="the policy as a Mermaid flowchart, for Markdown")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--live", action="store_true", help="mark where what is loaded on the hosts differs")
    source.add_argument("--offline", type=Path, metavar="DIR", help="like --live, from answers that `prove` saved")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write it; default: standard output")
    parser.set_defaults(save=None)
    source_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Write the picture; 3 when not enough is known of the fleet to compare it with the policy.

    Raises UserError for what cannot be read or written.
    """
    compared = args.live or args.offline is not None
    if args.mermaid and compared:
        raise UserError(
            Problem(
                "--mermaid",
                "it was asked for together with --live or --offline",
                "the flowchart shows the policy alone",
                "leave --mermaid out: the SVG marks where the fleet differs",
            )
        )
    model = load(args.policy, args.inventory)
    differences = None
    if compared:
        try:
            differences = prove(fleets(model, answers(model, args).snapshots)).differences
        except IncompleteError as error:
            return incomplete(error, "NOT DRAWN")
    if args.mermaid:
        drawn = f"{diagram(model)}\n"
    else:
        drawn = heat_map(model, differences) if args.heat_map else flow_map(model, differences)
    if args.output is None:
        sys.stdout.write(drawn)
        return 0
    write(args.output, drawn, "the picture")
    return 0
