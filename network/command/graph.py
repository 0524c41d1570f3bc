"""``sallyport graph``: the environment as a Mermaid flowchart, on standard output."""

import argparse

from network.command.show import source_arguments
from network.draw.mermaid import diagram
from network.read import load

HELP = "draw zones, hosts and flows as a Mermaid diagram"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    source_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the diagram. Raises UserError for what cannot be read."""
    print(diagram(load(args.policy, args.inventory)))
    return 0
