"""``sallyport mutate``: how good the proof is: every change of what is loaded must be caught, or change nothing."""

import argparse
import gc
import json
import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from network.check.lock import alone
from network.check.shell import RemoteError
from network.check.ssh import SshShell
from network.command.answers import (
    BROKEN,
    HOLDS,
    Answers,
    answers,
    arguments_of_answers,
    incomplete,
    only_live,
    ssh_config,
    unanswered,
)
from network.command.show import source_arguments
from network.errors import Problem, UserError
from network.lab.state import ROOT, State
from network.model import Model
from network.prove import report
from network.prove.fleet.snapshot import IncompleteError
from network.prove.mutation.generate import Generator
from network.prove.mutation.live import sample, try_live
from network.prove.mutation.mutant import Mutant
from network.prove.mutation.score import Fate, Judge, Judged, Row, rows, score
from network.prove.proof import fleets, prove
from network.read import load

HELP = "show that the proof catches every change of what is loaded, and names it"

_SHOWN = 10
_EVERY = 2.0
"""Seconds between two lines of progress."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments_of_answers(parser)
    parser.add_argument(
        "--live",
        type=_positive,
        metavar="N",
        help="make N random mutants real on their hosts, each for a moment, instead of all on paper",
    )
    parser.add_argument("--seed", type=int, help="with --live: choose as an earlier run did, which printed its seed")
    parser.add_argument("--json", action="store_true", help="for programs: the score and what was missed, as JSON")
    source_arguments(parser)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def run(args: argparse.Namespace) -> int:
    """Print the score; 0 when it is 100 %, 1 when it is not, 3 when not enough is known to say.

    Raises UserError for what cannot be read, and where the proof does not hold to begin with.
    """
    if args.live:
        only_live(args, "--live")
    model = load(args.policy, args.inventory)
    gc.disable()  # the judges are forked, and looking for garbage would copy all that they share
    try:
        if not args.live:
            return _on_paper(model, args)
        with alone(State(ROOT, model.fleet.environment).home):
            try:
                return _for_real(model, args)
            except RemoteError as error:
                raise IncompleteError(unanswered(error)) from error
    except IncompleteError as error:
        return incomplete(error, "NO SCORE")
    finally:
        gc.enable()


def _begin(model: Model, args: argparse.Namespace) -> tuple[Judge, list[Mutant]]:
    given: Answers = answers(model, args)
    sound = fleets(model, given.snapshots)
    proof = prove(sound)
    if not proof.holds:
        raise UserError(
            Problem(
                str(args.offline or "the fleet"),
                report.verdict(proof),
                "mutants are told from what is right by a proof that holds",
                "see `sallyport prove`, mend what it names, and begin again",
            )
        )
    judge = Judge(given.snapshots, sound)
    found = [each for host, one in given.snapshots.items() for each in Generator(given.texts[host], one).mutants()]
    return judge, found


def _on_paper(model: Model, args: argparse.Namespace) -> int:
    judge, found = _begin(model, args)
    start = time.monotonic()
    judged = list(_progress(score(judge, found), len(found)))
    return _result(judged, f"{len(judge.snapshots)} hosts, {time.monotonic() - start:.0f} s", args)


def _progress(judged: Iterable[Judged], of: int) -> Iterator[Judged]:
    """Tell on the error output how far the judging is."""
    start = last = time.monotonic()
    for number, each in enumerate(judged, 1):
        now = time.monotonic()
        if now - last >= _EVERY or number == of:
            last = now
            left = (now - start) / number * (of - number)
            print(
                f"[{now - start:4.0f} s] {number} of {of} mutants, about {left:.0f} s more", file=sys.stderr, flush=True
            )
        yield each


def _for_real(model: Model, args: argparse.Namespace) -> int:
    config = ssh_config(model)
    judge, found = _begin(model, args)
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 32)
    start = time.monotonic()
    judged: list[Judged] = []
    refused = 0
    chosen = sample(judge, found, seed)
    while len(judged) < args.live and (mutant := next(chosen, None)) is not None:
        one = try_live(judge, SshShell(mutant.host, config), mutant)
        if one is None:
            refused += 1
            continue
        judged.append(one)
        print(f"[{time.monotonic() - start:4.0f} s] {one.fate.name}: {mutant}"[:200], file=sys.stderr, flush=True)
    again = answers(model, args)
    healed = fleets(model, again.snapshots, judge.sound)
    if not prove(healed).holds or not all(judge.same(healed, host) for host in again.snapshots):
        raise UserError(
            Problem(
                "the fleet",
                "it is not as it was before the mutants",
                "every mutant is put back as soon as it was looked at",
                "see `sallyport prove`; `sallyport up` loads again what is intended",
            )
        )
    took = f"live, seed {seed}, {time.monotonic() - start:.0f} s, {refused} refused by kernels, all put back"
    return _result(judged, took, args)


def _result(judged: Sequence[Judged], how: str, args: argparse.Namespace) -> int:
    table = rows(judged)
    missed = [each for each in judged if each.fate in {Fate.UNNAMED, Fate.SURVIVED}]
    if args.json:
        print(json.dumps(_data(table, missed), indent=2))
    else:
        print("\n".join(_text(table, missed, how)))
    return BROKEN if missed or not judged else HOLDS


def _text(table: Sequence[Row], missed: Sequence[Judged], how: str) -> Iterator[str]:
    width = max(len(row.kind) for row in table)
    yield f"{'':{width}}  mutants  caught  named  refused  equivalent  unnamed  survived"
    for row in table:
        counts = row.fates
        yield (
            f"{row.kind:{width}}  {row.all:7}  {row.caught:6}  {counts.get(Fate.NAMED, 0):5}  "
            f"{counts.get(Fate.REFUSED, 0):7}  {counts.get(Fate.EQUIVALENT, 0):10}  "
            f"{counts.get(Fate.UNNAMED, 0):7}  {counts.get(Fate.SURVIVED, 0):8}"
        )
    for each in missed[:_SHOWN]:
        yield f"\n{each.fate.name}: {each.mutant}"
        yield from (f"    {line}" for line in each.said[:3])
    if len(missed) > _SHOWN:
        yield f"\n{len(missed) - _SHOWN} more were missed; --json has them all."
    total = table[-1]
    yield f"\nSCORE: {_percent(total)} of {total.all} mutants ({how})."


def _percent(total: Row) -> str:
    """Give the share that was not missed; never 100 % when anything was."""
    share = 100 * (total.all - total.missed) / total.all if total.all else 0
    return "100 %" if total.all and not total.missed else f"{min(share, 99.9):.1f} %"


def _data(table: Sequence[Row], missed: Sequence[Judged]) -> dict[str, Any]:
    return {
        "score": (table[-1].all - table[-1].missed) / max(table[-1].all, 1),
        "kinds": [
            {"kind": row.kind, "mutants": row.all} | {fate.name.lower(): row.fates.get(fate, 0) for fate in Fate}
            for row in table
        ],
        "missed": [
            {
                "fate": each.fate.name.lower(),
                "host": each.mutant.host,
                "line": each.mutant.line,
                "kind": each.mutant.kind,
                "was": each.mutant.was,
                "now": each.mutant.now,
                "said": list(each.said),
            }
            for each in missed
        ],
    }
