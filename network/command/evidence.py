"""``sallyport evidence``: what proof, live probe, counters and controls say of each flow, for an auditor."""

import argparse
import gc
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from network.check.lock import alone
from network.check.matrix import Judged
from network.check.shell import RemoteError, Shell
from network.check.ssh import reachable
from network.command.answers import (
    BROKEN,
    HOLDS,
    INCOMPLETE,
    answers,
    arguments_of_answers,
    incomplete,
    only_live,
    ssh_config,
    unanswered,
)
from network.command.output import write
from network.command.show import source_arguments
from network.evidence.collect import controlled, counting_since, demand, probed
from network.evidence.html import html
from network.evidence.judge import evidence
from network.evidence.junit import junit
from network.evidence.result import Evidence
from network.evidence.sarif import sarif
from network.evidence.shadow import shadowed
from network.evidence.text import text
from network.lab.state import ROOT, State
from network.model import Model
from network.prove.fleet.snapshot import IncompleteError
from network.prove.proof import fleets, prove
from network.read import load

HELP = "collect evidence for each flow, and say it as text, JSON, HTML, JUnit or SARIF"

FORMS: dict[str, Callable[[Evidence], str]] = {"html": html, "junit": junit, "sarif": sarif}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments_of_answers(parser)
    parser.add_argument("--probe", action="store_true", help="also knock at every door from every host (half a minute)")
    parser.add_argument("--controls", action="store_true", help="also look at every host's compliance controls")
    parser.add_argument("--json", action="store_true", help="for programs: the whole result as JSON")
    for form in FORMS:
        parser.add_argument(f"--{form}", type=Path, metavar="FILE", help=f"also write it as {form.upper()}")
    source_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the result and write the files; 0 without errors, 1 with, 3 when not enough is known to say.

    Raises UserError for what cannot be read or written.
    """
    for option in ("probe", "controls"):
        if getattr(args, option):
            only_live(args, f"--{option}")
    model = load(args.policy, args.inventory)
    gc.disable()  # nothing is thrown away before the end, so looking for garbage only costs time
    try:
        found = _collect(model, args)
    except IncompleteError as error:
        return incomplete(error, "NO EVIDENCE")
    finally:
        gc.enable()
    for form, say in FORMS.items():
        if (path := getattr(args, form)) is not None:
            write(path, say(found), "the report")
    print(json.dumps(found.data(), indent=2) if args.json else text(found))
    if found.broken or not found.holds:
        return BROKEN
    return INCOMPLETE if found.doubtful else HOLDS


def _collect(model: Model, args: argparse.Namespace) -> Evidence:
    now = datetime.now(UTC)
    snapshots = (given := answers(model, args)).snapshots
    read = fleets(model, snapshots)
    proof = prove(read)
    shells: Mapping[str, Shell] = {}
    if not args.offline:
        shells = reachable(model.fleet.hosts, ssh_config(model))
        demand(model, shells)
    try:
        since = counting_since(shells)
        controls = controlled(model, shells) if args.controls else ()
        judged = _probed(model, shells) if args.probe else None
    except RemoteError as error:
        raise IncompleteError(unanswered(error)) from error
    source = f"from answers saved in {args.offline}" if args.offline else "from the hosts themselves"
    silent = () if args.offline else tuple(name for name in model.fleet.hosts if name not in shells)
    unseen = f"; not reachable, so neither probed nor looked at: {', '.join(silent)}" if silent else ""
    return evidence(
        model,
        proof,
        snapshots,
        since=since,
        shadowed=tuple(shadowed(snapshots, {host: given.texts[host] for host in snapshots}, read))
        if proof.holds
        else (),
        probed=judged,
        controls=controls,
        today=now.date(),
        gathered=f"gathered {source}, {now:%Y-%m-%d %H:%M} UTC{unseen}",
    )


def _probed(model: Model, shells: Mapping[str, Shell]) -> Sequence[Judged]:
    with alone(State(ROOT, model.fleet.environment).home):
        return probed(model, shells)
