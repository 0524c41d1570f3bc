"""``sallyport prove``: what is loaded on the fleet lets through exactly what the policy allows, or here is a packet."""

import argparse
import gc
import json
import sys

from network.command.answers import BROKEN, HOLDS, INCOMPLETE, answers, arguments_of_answers
from network.command.show import source_arguments
from network.prove import report
from network.prove.fleet.snapshot import IncompleteError
from network.prove.proof import fleets, prove
from network.read import load

HELP = "prove that the loaded rules allow exactly the policy, end to end"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments_of_answers(parser)
    parser.add_argument("--json", action="store_true", help="for programs: the whole result as JSON")
    source_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the result; 0 when all holds, 1 when something does not, 3 when not enough is known to say.

    Raises UserError for a policy, an inventory or saved answers that cannot be read.
    """
    model = load(args.policy, args.inventory)
    gc.disable()  # nothing is thrown away before the end, so looking for garbage only costs time
    try:
        proof = prove(fleets(model, answers(model, args).snapshots))
    except IncompleteError as error:
        print(f"{error}\n\nNOT PROVED: not enough is known of the fleet.", file=sys.stderr)
        return INCOMPLETE
    finally:
        gc.enable()
    source = f"answers saved in {args.offline}" if args.offline else "as loaded now"
    print(json.dumps(report.data(proof), indent=2) if args.json else report.text(proof, [source]))
    return HOLDS if proof.holds else BROKEN
