"""``sallyport drift``: where what the hosts have loaded is not what policy and inventory intend, and what it means."""

import argparse
import json
from collections.abc import Iterable

from network.change import drift_report
from network.change.drift import drifted
from network.change.history import NOT_KNOWN, SCRIPT, words
from network.check.ssh import reachable
from network.command.answers import BROKEN, HOLDS, answers, arguments_of_answers, incomplete, ssh_config
from network.command.show import source_arguments
from network.model import Model
from network.prove.fleet.snapshot import IncompleteError
from network.prove.proof import fleets, prove
from network.read import load

HELP = "show where what is loaded differs from what is intended, what it means, and who changed it"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments_of_answers(parser)
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="for programs: everything as JSON")
    shape.add_argument("--markdown", action="store_true", help="for a comment on a merge request")
    source_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the drift; 0 when there is none, 1 when there is, 3 when not enough is known of the fleet to say.

    Raises UserError for a policy, an inventory or saved answers that cannot be read.
    """
    model = load(args.policy, args.inventory)
    try:
        snapshots = answers(model, args).snapshots
        proof = prove(fleets(model, snapshots))
    except IncompleteError as error:
        return incomplete(error, "NOT KNOWN")
    items = tuple(drifted(model, snapshots))
    broken = tuple(dict.fromkeys(each.name for each in proof.obligations if not each.holds))
    hosts = tuple(dict.fromkeys(item.host for item in items))
    history = dict.fromkeys(hosts, (NOT_KNOWN,)) | ({} if args.offline else _history(model, hosts))
    parts = items, proof.differences, broken, history
    if args.json:
        print(json.dumps(drift_report.data(*parts), indent=2))
    else:
        print(drift_report.markdown(*parts) if args.markdown else drift_report.text(*parts))
    return BROKEN if items or proof.differences or broken else HOLDS


def _history(model: Model, hosts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Ask the hosts that drifted for what they know; one that does not answer this knows nothing."""
    shells = reachable(hosts, ssh_config(model))
    return {host: words(shell.run(SCRIPT).out) for host, shell in shells.items()}
