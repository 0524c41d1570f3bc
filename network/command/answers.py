"""What commands of the proof begin with: the hosts' answers, gathered now or saved before."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from network.check.shell import RemoteError
from network.errors import Problem, UserError
from network.lab.state import ROOT, State
from network.model import Model
from network.prove.fleet import gather
from network.prove.fleet.snapshot import IncompleteError, Snapshot
from network.prove.proof import read_snapshots, required_hosts

HOLDS, BROKEN, INCOMPLETE, DISAGREES = 0, 1, 3, 4
"""Exit codes: all is well; something is not; not enough is known to say; the kernel does not do what the proof says."""


@dataclass(frozen=True)
class Answers:
    """The hosts' answers as they gave them, and read. `texts` may hold hosts that need not be asked."""

    texts: Mapping[str, str]
    snapshots: Mapping[str, Snapshot]


def arguments_of_answers(parser: argparse.ArgumentParser) -> None:
    """Declare the options that say where the answers come from and go to."""
    parser.add_argument(
        "--offline", type=Path, metavar="DIR", help="work from saved answers instead of asking the hosts"
    )
    parser.add_argument("--save", type=Path, metavar="DIR", help="where to keep the hosts' answers, one file a host")


def answers(model: Model, args: argparse.Namespace) -> Answers:
    """Ask the hosts, or read what they answered before.

    Raises UserError for answers that cannot be read, and IncompleteError where not enough is known.
    """
    texts, places = _texts(model, args)
    return Answers(texts, read_snapshots(model, texts, places))


def only_live(args: argparse.Namespace, option: str) -> None:
    """Refuse an option that needs hosts beside answers that were saved. Raises UserError."""
    if args.offline:
        raise UserError(
            Problem(
                option,
                f"{option} beside --offline",
                f"{option} works on hosts that answer, not on saved answers",
                "leave out one of the two",
            )
        )


def incomplete(error: IncompleteError, verdict: str, more: str = "") -> int:
    """Say what is not known, and what was not done for it (NOT PROVED); return the exit code of that."""
    print(f"{error}\n\n{verdict}: not enough is known of the fleet.{more}", file=sys.stderr)
    return INCOMPLETE


def unanswered(error: RemoteError) -> Problem:
    """Say that a host failed while something was tried on it."""
    return Problem(
        "the fleet",
        str(error),
        "every host must do what it is asked for, or nothing can be said",
        "see `sallyport status`; what was changed on hosts for the trial undoes itself within two minutes",
    )


def ssh_config(model: Model) -> Path:
    """Return the file that says how to reach the hosts. Raises UserError where there is none."""
    found = State(ROOT, model.fleet.environment).ssh_config
    if not found.exists():
        raise UserError(
            Problem(
                str(found),
                "there is no such file",
                "the hosts are asked over SSH, and this file says how to reach them",
                "bring the environment up with `sallyport up`, or prove from saved answers with --offline",
            )
        )
    return found


def _texts(model: Model, args: argparse.Namespace) -> tuple[dict[str, str], Mapping[str, str]]:
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
    texts, silent = gather.gather(hosts, ssh_config(model))
    folder = args.save or State(ROOT, model.fleet.environment).home / "prove"
    gather.save(texts, folder)
    if silent:
        raise IncompleteError(*silent)
    return texts, {host: str(folder / f"{host}{gather.SUFFIX}") for host in hosts}
