"""``sallyport doctor``: what on this machine would stand in the way of the lab, and how to mend it."""

import argparse

from network.command import laboratory
from network.errors import UserError
from network.lab import doctor
from network.lab.state import ROOT, State
from network.read import load

HELP = "say what on this machine stands in the lab's way, and how to mend it"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options: there are none."""


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 every command takes them
    """Print a line a check; 0 when nothing fails, 1 otherwise."""
    state = State(ROOT, laboratory.ENVIRONMENT)
    model, refused = None, ""
    try:
        model = load(ROOT / "network/policy.yml", state.inventory)
    except UserError as error:
        refused = str(error)
    findings = doctor.judge(doctor.gather(state, laboratory.ports(state)), model)
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        print(f"{finding.verdict:<4}  {finding.subject:<{width}}  {finding.text}")
        if finding.remedy and finding.verdict != "ok":
            print(f"      {'':<{width}}  -> {finding.remedy}")
    if refused:
        print(f"\n{refused}")
    failed = sum(finding.verdict == "fail" for finding in findings) + bool(refused)
    print(f"\n{failed} in the way." if failed else "\nNothing stands in the way. Next: ./sallyport up")
    return 1 if failed else 0
