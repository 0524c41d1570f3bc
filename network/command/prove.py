"""``sallyport prove``: what is loaded on the fleet lets through exactly what the policy allows, or here is a packet."""

import argparse
import gc
import json
import random
from collections.abc import Mapping

from network.check.lock import alone
from network.check.shell import RemoteError
from network.check.ssh import reachable
from network.command.answers import (
    BROKEN,
    DISAGREES,
    HOLDS,
    INCOMPLETE,
    answers,
    arguments_of_answers,
    incomplete,
    only_live,
    ssh_config,
    unanswered,
)
from network.command.show import source_arguments
from network.lab.state import ROOT, State
from network.model import Model
from network.prove import report
from network.prove.fleet.snapshot import IncompleteError
from network.prove.fleet.walk import Fleet
from network.prove.proof import Proof, fleets, prove
from network.prove.replay import report as replay_report
from network.prove.replay.run import Replay, replay
from network.prove.replay.verdict import Agreement
from network.read import load

HELP = "prove that the loaded rules allow exactly the policy, end to end"

_EACH = 2


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments_of_answers(parser)
    parser.add_argument(
        "--replay",
        nargs="?",
        type=int,
        const=_EACH,
        metavar="N",
        help="then send live every counterexample, and for each pair of zones N packets that pass and N that do not "
        f"({_EACH} where N is left out), and hold what the kernels do against the proof",
    )
    parser.add_argument("--seed", type=int, help="with --replay: draw as an earlier run did, which printed its seed")
    parser.add_argument("--json", action="store_true", help="for programs: the whole result as JSON")
    source_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the result; 0 when all holds, 1 when something does not, 3 when not enough is known to say.

    4 when a packet was replayed and the kernels do with it what the proof does not say: then neither can be believed.
    Raises UserError for a policy, an inventory or saved answers that cannot be read.
    """
    if args.replay is not None:
        only_live(args, "--replay")
    model = load(args.policy, args.inventory)
    gc.disable()  # nothing is thrown away before the end, so looking for garbage only costs time
    try:
        read = fleets(model, answers(model, args).snapshots)
        proof = prove(read)
        seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 32)
        replayed = None if args.replay is None else _replay(model, read, proof, args.replay, seed)
    except IncompleteError as error:
        return incomplete(error, "NOT PROVED")
    finally:
        gc.enable()
    source = f"answers saved in {args.offline}" if args.offline else "as loaded now"
    if args.json:
        shown = report.data(proof) | ({} if replayed is None else {"replay": replay_report.data(replayed, seed)})
        print(json.dumps(shown, indent=2))
    else:
        print(report.text(proof, [source]))
        if replayed is not None:
            print(f"\n{replay_report.text(replayed, seed)}")
    return _code(proof, replayed)


def _replay(model: Model, read: Mapping[int, Fleet], proof: Proof, each: int, seed: int) -> Replay:
    """Replay with nobody else changing the fleet. Raises IncompleteError where a host stops answering."""
    with alone(State(ROOT, model.fleet.environment).home):
        try:
            return replay(read, proof, reachable(model.fleet.hosts, ssh_config(model)), each, seed)
        except RemoteError as error:
            raise IncompleteError(unanswered(error)) from error


def _code(proof: Proof, replayed: Replay | None) -> int:
    if replayed is not None and replayed.of(Agreement.DISAGREES):
        return DISAGREES
    if not proof.holds:
        return BROKEN
    return INCOMPLETE if replayed is not None and replayed.of(Agreement.INCONCLUSIVE) else HOLDS
