"""``sallyport evidence``: what proof, live probe, counters and controls say of each flow, for an auditor."""

import argparse
import gc
import json
import secrets
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from network.check.controls import CONTROLS
from network.check.expectation import expectation
from network.check.gather import gather
from network.check.lock import alone
from network.check.matrix import Judged, prepared
from network.check.reach import probes
from network.check.shell import RemoteError
from network.check.ssh import reachable
from network.command.answers import (
    BROKEN,
    HOLDS,
    INCOMPLETE,
    answers,
    arguments_of_answers,
    only_live,
    ssh_config,
    unanswered,
)
from network.command.show import source_arguments
from network.errors import Problem, UserError
from network.evidence.counters import connections
from network.evidence.html import html
from network.evidence.judge import evidence
from network.evidence.junit import junit
from network.evidence.result import ControlEvidence, Evidence
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
        print(f"{error}\n\nNO EVIDENCE: not enough is known of the fleet.", file=sys.stderr)
        return INCOMPLETE
    finally:
        gc.enable()
    for form, write in FORMS.items():
        if (path := getattr(args, form)) is not None:
            _write(path, write(found))
    print(json.dumps(found.data(), indent=2) if args.json else text(found))
    return BROKEN if found.broken or not found.holds else HOLDS


def _collect(model: Model, args: argparse.Namespace) -> Evidence:
    now = datetime.now(UTC)
    given = answers(model, args)
    read = fleets(model, given.snapshots)
    proof = prove(read)
    try:
        probed = _probed(model) if args.probe else None
        controls = _controls(model) if args.controls else ()
    except RemoteError as error:
        raise IncompleteError(unanswered(error)) from error
    source = f"from answers saved in {args.offline}" if args.offline else "from the hosts themselves"
    gathered = f"gathered {source}, {now:%Y-%m-%d %H:%M} UTC"
    texts = {host: given.texts[host] for host in given.snapshots}
    useless = tuple(shadowed(given.snapshots, texts, read)) if proof.holds else ()
    return evidence(
        model,
        proof,
        counted=connections(given.snapshots),
        shadowed=useless,
        probed=probed,
        controls=controls,
        today=now.date(),
        gathered=gathered,
    )


def _probed(model: Model) -> Sequence[Judged]:
    shells = reachable(model.fleet.hosts, ssh_config(model))
    wanted = probes(model)
    with alone(State(ROOT, model.fleet.environment).home), prepared(model, shells, wanted) as ready:
        return (*ready.egress(), *ready.transit())


def _controls(model: Model) -> tuple[ControlEvidence, ...]:
    shells = reachable(model.fleet.hosts, ssh_config(model))
    expected = {name: expectation(model, name) for name in shells}
    nonce = f"sallyport-evidence-{secrets.token_hex(8)}"
    with ThreadPoolExecutor(max(1, len(shells))) as pool:
        looks = pool.map(lambda name: gather(shells[name], expected[name], nonce), shells)
        facts = dict(zip(shells, looks, strict=True))
    return tuple(
        ControlEvidence(
            control.id, control.title, control.references, host, tuple(control.check(expected[host], facts[host]))
        )
        for host in shells
        for control in CONTROLS
        if control.applies(expected[host])
    )


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        remedy = "name a file in a directory that exists and that you may write to"
        raise UserError(Problem(str(path), f"{error.strerror}", "the report is written there", remedy)) from error
