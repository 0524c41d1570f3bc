"""``sallyport renumber``: the lab moves to another address range, where the present one is taken."""

import argparse
from pathlib import Path

from network.command import laboratory
from network.errors import UserError
from network.lab import doctor
from network.lab.blueprint import bridge_name
from network.lab.renumber import moved, present, target
from network.lab.state import ROOT, State
from network.read import files, model_of
from network.read.collision import collisions

HELP = "move the lab to another address range, such as 10.77.0.0/21"

_POLICY = ROOT / "network/policy.yml"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("range", help="an IPv4 network, at least as large as the present one")
    parser.add_argument("--dry-run", action="store_true", help="say which files would change, and change none")


def run(args: argparse.Namespace) -> int:
    """Write the addresses into the inventory's files. Raises UserError before any is touched."""
    state = State(ROOT, laboratory.ENVIRONMENT)
    with laboratory.alone(state):
        changed = _changed(state, args.range)
        for path, content in changed.items():
            print(f"{'would change' if args.dry_run else 'changed'}  {path.relative_to(ROOT)}")
            if not args.dry_run:
                path.write_bytes(content)
    if not changed:
        print("Nothing to change: the lab has this range already.")
    elif not args.dry_run:
        print("\nNext: git diff inventory shows it; ./sallyport down, then ./sallyport up raises the lab there.")
    return 0


def _changed(state: State, given: str) -> dict[Path, bytes]:
    """Return the new content of each file that changes, once what comes of it was read and found good."""
    name, policy = files.policy(_POLICY)
    shown, written = files.shown(state.inventory), files.inventory(state.inventory)
    old = present(model_of(name, policy, shown, written))
    after = moved(written, old, target(given, old))
    model = model_of(name, policy, shown, after)
    own = {bridge_name(zone) for zone in model.fleet.zones}
    if problems := collisions(model, doctor.machine_networks(), own):
        raise UserError(*problems)
    return {state.inventory / file: content for file, content in after.items() if content != written[file]}
