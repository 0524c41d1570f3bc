"""``sallyport prove``: what is loaded on the fleet lets through exactly what the policy allows, or here is a packet."""

import argparse
import gc
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from network.command.show import source_arguments
from network.errors import Problem, UserError
from network.lab.state import ROOT, State
from network.model import Model
from network.prove import report
from network.prove.fleet import gather
from network.prove.fleet.snapshot import IncompleteError
from network.prove.proof import fleets, prove, read_snapshots, required_hosts
from network.read import load

HELP = "prove that the loaded rules allow exactly the policy, end to end"

HOLDS, BROKEN, INCOMPLETE = 0, 1, 3


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--offline", type=Path, metavar="DIR", help="prove from saved answers instead of asking the hosts"
    )
    parser.add_argument("--save", type=Path, metavar="DIR", help="where to keep the hosts' answers, one file a host")
    parser.add_argument("--json", action="store_true", help="for programs: the whole result as JSON")
    source_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the result; 0 when all holds, 1 when something does not, 3 when not enough is known to say.

    Raises UserError for a policy, an inventory or saved answers that cannot be read.
    """
    model = load(args.policy, args.inventory)
    gc.disable()  # nothing is thrown away before the end, so looking for garbage only costs time
    try:
        texts, places = _answers(model, args)
        proof = prove(fleets(model, read_snapshots(model, texts, places)))
    except IncompleteError as error:
        print(f"{error}\n\nNOT PROVED: not enough is known of the fleet.", file=sys.stderr)
        return INCOMPLETE
    finally:
        gc.enable()
    source = f"answers saved in {args.offline}" if args.offline else "as loaded now"
    print(json.dumps(report.data(proof), indent=2) if args.json else report.text(proof, [source]))
    return HOLDS if proof.holds else BROKEN


def _answers(model: Model, args: argparse.Namespace) -> tuple[dict[str, str], Mapping[str, str]]:
    """Give each host's answer and the name of its file, for messages."""
    hosts = required_hosts(model)
    if args.offline:
        if not args.offline.is_dir():
            raise UserError(
                Problem(
                    str(args.offline),
                    "there is no such directory",
                    f"--offline names a directory with one file HOST{gather.SUFFIX} for each host",
                    "make one with `sallyport prove --save DIR`",
                )
            )
        texts = gather.read(args.offline)
        if args.save:
            gather.save(texts, args.save)
        return texts, {host: str(args.offline / f"{host}{gather.SUFFIX}") for host in hosts}
    state = State(ROOT, model.fleet.environment)
    ssh_config = state.ssh_config
    if not ssh_config.exists():
        raise UserError(
            Problem(
                str(ssh_config),
                "there is no such file",
                "the hosts are asked over SSH, and this file says how to reach them",
                "bring the environment up with `sallyport up`, or prove from saved answers with --offline",
            )
        )
    texts, silent = gather.gather(hosts, ssh_config)
    folder = args.save or state.home / "prove"
    gather.save(texts, folder)
    if silent:
        raise IncompleteError(*silent)
    return texts, {host: str(folder / f"{host}{gather.SUFFIX}") for host in hosts}
