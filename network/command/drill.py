"""``sallyport drill``: break a part of the running application under load, and count what was lost."""

import argparse
import random
from collections.abc import Mapping

from network.check.lock import alone
from network.check.shell import RemoteError, Shell
from network.check.ssh import reachable
from network.command.answers import ssh_config, unanswered
from network.command.console import Console
from network.command.laboratory import ENVIRONMENT
from network.drill.catalogue import DRILLS
from network.drill.faults import Place
from network.drill.ledger import Ledger
from network.drill.load import Load
from network.drill.run import USER
from network.drill.run import run as run_drill
from network.errors import Problem, UserError
from network.lab.state import ROOT, State
from network.model import Model
from network.read import load

HELP = "break a part of the lab's application under load, and count what was lost"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(f"{n}: {d.says}" for n, d in DRILLS.items()))
    parser.add_argument("--seconds", type=float, default=30.0, help="how long it stays broken (default 30)")
    parser.add_argument("--seed", type=int, help="draw the moments as an earlier run did, which printed its seed")


def run(args: argparse.Namespace) -> int:
    """Run the named drills in turn, or list them; 0 when nothing was lost or doubled, 1 otherwise.

    Raises UserError for an unknown drill, or where the lab does not answer.
    """
    if not args.names:
        width = max(map(len, DRILLS))
        print("\n".join(f"{name:<{width}}  {drill.says}" for name, drill in DRILLS.items()))
        return 0
    if unknown := [name for name in args.names if name not in DRILLS]:
        rule = f"a drill is one of {', '.join(DRILLS)}"
        raise UserError(Problem("sallyport drill", ", ".join(unknown), rule, "name one of them"))
    state = State(ROOT, ENVIRONMENT)
    model = load(ROOT / "network/policy.yml", state.inventory)
    shells = reachable(model.fleet.hosts, ssh_config(model))
    _complete(model, shells)
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 32)
    console, rows = Console(), []
    with alone(state.home):
        for name in args.names:
            with console.stage(name) as progress:
                place = Place(model, shells, random.Random(seed), lambda text: progress("", text))  # noqa: S311
                rows.append((name, *_one(name, place, state, args.seconds)))
    print("\n".join(["", *table(rows), "", f"seed {seed}"]))
    return 0 if all(ledger.clean and not brought.error for _, brought, ledger in rows) else 1


def table(rows: list[tuple[str, Load, Ledger]]) -> list[str]:
    """Return the counts, a line a drill."""
    width = max(len(name) for name, _, _ in rows)
    lines = [f"{'drill':<{width}}  accepted    done  doubled    lost    dead  settled after"]
    for name, brought, ledger in rows:
        counts = f"{ledger.accepted:>8}{ledger.done:>8}{ledger.doubled:>9}{ledger.lost:>8}{ledger.dead:>8}"
        lines.append(
            f"{name:<{width}}  {counts}  {ledger.seconds:.0f} s" + (f"  {brought.error}" if brought.error else "")
        )
    return lines


def _one(name: str, place: Place, state: State, seconds: float) -> tuple[Load, Ledger]:
    try:
        password = (state.home / "secrets" / f"app_user_{USER}").read_text().strip()
        return run_drill(DRILLS[name], place, password, seconds)
    except FileNotFoundError as error:
        rule = "drills are for the lab, whose secrets lie there"
        raise UserError(Problem(str(error.filename), "there is no such file", rule, "run ./sallyport up")) from error
    except RemoteError as error:
        raise UserError(unanswered(error)) from error


def _complete(model: Model, shells: Mapping[str, Shell]) -> None:
    if silent := sorted(model.fleet.hosts.keys() - shells.keys()):
        rule = "a drill needs every host of the lab"
        raise UserError(Problem("the lab", f"no answer from {', '.join(silent)}", rule, "run ./sallyport status"))
