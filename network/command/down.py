"""``sallyport down``: the lab is taken away, and nothing that is not the lab's."""

import argparse
import shutil

from network.command import laboratory
from network.command.console import Console
from network.lab import connection, docker, hosts, image, passage
from network.lab.blueprint import LABEL
from network.lab.state import ROOT, State

HELP = "take the lab away: its containers and networks, nothing else"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--purge", action="store_true", help="also the base image, and the lab's keys, secrets and certificates"
    )


def run(args: argparse.Namespace) -> int:
    """Remove what `up` made; 0 also when there was nothing."""
    console = Console()
    state = State(ROOT, laboratory.ENVIRONMENT)
    with laboratory.alone(state), console.stage("down") as progress:
        connection.close(state)
        if docker.information() is None:
            progress("engine", "does not run, so no container does; start it and call this again to remove them")
        else:
            hosts.remove_all(state, progress)
            for name in image.present():
                passage.withdraw(name)
                break
            docker.remove_strays(f"label={LABEL}")
            if args.purge:
                for name in image.present():
                    docker.command("image", "rm", "-f", name, doing=f"remove {name}")
                    progress(name, "removed")
        if args.purge:
            shutil.rmtree(state.home, ignore_errors=True)
            shutil.rmtree(state.control, ignore_errors=True)
            state.machine_variables.unlink(missing_ok=True)
            progress(str(state.home.relative_to(ROOT)), "removed")
    console.say(
        "down       nothing of the lab is left" if args.purge else "down       done; ./sallyport up brings it back"
    )
    return 0
