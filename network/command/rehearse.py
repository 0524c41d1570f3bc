"""``sallyport rehearse``: operators keep every host while the policy's rules are loaded, host by host, and after."""

import argparse
import sys

from network.command.answers import BROKEN, HOLDS, incomplete, ssh_config
from network.command.show import source_arguments
from network.errors import Problem, UserError
from network.prove import report
from network.prove.fleet import gather
from network.prove.fleet.snapshot import IncompleteError
from network.prove.proof import required_hosts
from network.prove.rehearsal import Refusal, loaded, rehearse
from network.read import load

HELP = "prove that loading the policy's rules keeps the operators' way, before any host is touched"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--hosts", metavar="HOST,…", help="the hosts whose rules are to be loaded; all without it")
    source_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the result; 0 when no host is lost, 1 when one would be, 3 when not enough is known to say.

    Raises UserError for a policy or an inventory that cannot be read.
    """
    model = load(args.policy, args.inventory)
    hosts = required_hosts(model)
    changing = set(args.hosts.split(",")) if args.hosts else set(hosts)
    unknown = changing - set(model.fleet.hosts)
    if unknown:
        rule = "--hosts names hosts of the inventory"
        raise UserError(Problem("--hosts", ", ".join(sorted(unknown)), rule, f"name some of {', '.join(hosts)}"))
    texts, silent = gather.gather(hosts, ssh_config(model))
    try:
        # All others hang on firewalls and on hosts that are about to change; one that stays as it is may be down.
        needed = {name for name in hosts if model.fleet.hosts[name].firewall} | changing
        missing = [problem for problem in silent if problem.where in needed]
        if missing:
            raise IncompleteError(*missing)
        states, refusal = rehearse(model, {name: loaded(text, name) for name, text in texts.items()}, changing)
    except IncompleteError as error:
        return incomplete(error, "NOT PROVED", " Nothing was changed.")
    if refusal:
        print(_refused(refusal), file=sys.stderr)
        return BROKEN
    print(f"KEPT: operators reach every host in each of the {states} states that loading leads through.")
    return HOLDS


def _refused(refusal: Refusal) -> str:
    lost = ", ".join(dict.fromkeys(story.obligation.subject for story in refusal.stories))
    when = f"once {', '.join(refusal.changed)} have the new rules" if refusal.changed else "as things stand"
    return (
        f"{report.told(refusal.stories)}\n\nREFUSED: operators would lose {lost} {when}. Nothing was changed.\n"
        "Next: give the policy the flows that lead operators there (SSH to the bastion, SSH from the bastion)."
    )
