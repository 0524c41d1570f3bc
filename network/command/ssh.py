"""``sallyport ssh HOST [COMMAND...]``: a shell on a host, through the bastion."""

import argparse
import os

from network.command import laboratory
from network.errors import Problem, UserError

HELP = "open a shell on a host, or run a command there"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("host", help="a host of the inventory")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run there; none opens a shell")


def run(args: argparse.Namespace) -> int:
    """Become ssh. Raises UserError for a host that is none, or when the lab has never been up."""
    lab = laboratory.read()
    if args.host not in lab.model.fleet.hosts:
        raise UserError(
            Problem(
                "sallyport ssh",
                f"host {args.host!r}",
                "the host is one of the inventory",
                f"take one of {', '.join(lab.model.fleet.hosts)}",
            )
        )
    if not lab.state.ssh_config.exists():
        raise UserError(Problem("sallyport ssh", "no lab", "the lab must be up", "./sallyport up"))
    os.execvp("ssh", ["ssh", "-F", str(lab.state.ssh_config), args.host, *args.command])  # noqa: S606 no shell is wanted
