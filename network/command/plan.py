"""``sallyport plan``: what a change of policy or inventory newly allows and newly denies, before it is made."""

import argparse
import json
from pathlib import Path

from network.change import live, report
from network.change.compare import Change, compare
from network.change.drift import drifted
from network.change.revision import load_revision
from network.command.answers import answers, incomplete
from network.command.show import source_arguments
from network.errors import Problem, UserError
from network.prove.fleet.snapshot import IncompleteError
from network.prove.proof import fleets, prove
from network.read import files, load

HELP = "show what a change of policy or inventory newly allows and newly denies"

WIDENS = 5
"""Exit code: more gets through than before, and --fail-on widen was asked for."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--from", dest="old", metavar="REV", help="the git revision to compare with; default: HEAD")
    parser.add_argument(
        "--to", dest="new", metavar="REV", help="the git revision planned; default: the files as they are"
    )
    parser.add_argument(
        "--from-policy", type=Path, metavar="FILE", help="compare with this policy, not with a revision"
    )
    parser.add_argument("--from-inventory", type=Path, metavar="DIR", help="compare with this inventory")
    parser.add_argument("--live", action="store_true", help="compare with what is loaded on the hosts")
    parser.add_argument("--offline", type=Path, metavar="DIR", help="like --live, from answers that `prove` saved")
    parser.add_argument("--fail-on", choices=["widen"], help=f"exit with {WIDENS} when anything is newly allowed")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="for programs: the whole plan as JSON")
    shape.add_argument("--markdown", action="store_true", help="for a comment on a merge request")
    parser.set_defaults(save=None)
    source_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the plan; 0, or 5 when it widens and --fail-on widen was given; 3 when not enough is known of the fleet.

    Raises UserError for what cannot be read or compared.
    """
    if args.live or args.offline is not None:
        return _against_live(args)
    change, what = _planned(args)
    if args.json:
        print(json.dumps({"compared": what} | report.data(change), indent=2))
    else:
        print(report.markdown(change, what) if args.markdown else report.text(change, what))
    return WIDENS if args.fail_on and change.widens else 0


def _against_live(args: argparse.Namespace) -> int:
    """Plan what it would change to make the policy real. Raises UserError."""
    if any((args.old, args.new, args.from_policy, args.from_inventory)):
        found = "--live or --offline beside revisions or files to compare with"
        raise UserError(Problem("--live", found, "the fleet is compared with the files as they are", "Leave one out."))
    model = load(args.policy, args.inventory)
    try:
        snapshots = answers(model, args).snapshots
        some = live.ways(prove(fleets(model, snapshots)).differences)
    except IncompleteError as error:
        return incomplete(error, "NOT PLANNED")
    items = tuple(drifted(model, snapshots))
    what = f"From {'answers saved in ' + str(args.offline) if args.offline else 'what is loaded now'} to the files"
    if args.json:
        print(json.dumps({"compared": what} | live.data(some, items), indent=2))
    else:
        print(live.markdown(some, items, what) if args.markdown else live.text(some, items, what))
    return WIDENS if args.fail_on and any(way.widens for way in some) else 0


def _planned(args: argparse.Namespace) -> tuple[Change, str]:
    """Give the change, and what was compared."""
    if args.from_policy is None and args.from_inventory is None:
        old = args.old or "HEAD"
        before = load_revision(old, args.policy, args.inventory)
        if args.new is not None:
            return compare(before, load_revision(args.new, args.policy, args.inventory)), f"From {old} to {args.new}"
        return compare(before, load(args.policy, args.inventory)), f"From {old} to the files as they are"
    if args.old is not None or args.new is not None:
        found = "revisions and files to compare with"
        rule = "a plan compares two revisions, or two files"
        raise UserError(Problem("--from, --to", found, rule, "Leave out --from and --to, or the files."))
    policy, inventory = args.from_policy or args.policy, args.from_inventory or args.inventory
    names = [files.shown(each) for each in (policy, inventory, args.policy, args.inventory)]
    change = compare(load(policy, inventory), load(args.policy, args.inventory))
    return change, f"From {names[0]}, {names[1]} to {names[2]}, {names[3]}"
