"""``sallyport test``: every check there is, from lint to drills on the lab."""

import argparse
import time
from pathlib import Path

from network.testing import packages, runner
from network.testing.stages import FAST, LAB, THOROUGH

HELP = "run every check: lint, types, unit tests, then the lab with compliance, journeys and drills"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--fast", action="store_true", help="the quick checks, which need no lab")


def run(args: argparse.Namespace) -> int:
    """Run the stages; 0 when all passed, 1 otherwise."""
    root = Path(__file__).resolve().parents[2]
    start = time.monotonic()

    def say(line: str) -> None:
        elapsed = int(time.monotonic() - start)
        print(f"[{elapsed // 60:02}:{elapsed % 60:02}] {line}", flush=True)

    if wanted := packages.missing():
        say(f"packages: installing {', '.join(wanted)}")
        packages.install(wanted, root / ".sallyport/test/packages.log")
    stages = FAST if args.fast else FAST + THOROUGH + LAB
    outcomes = runner.run(stages, root, say)
    ok = len(outcomes) == len(stages) and all(outcome.ok for outcome in outcomes)
    *table, closing = runner.report(stages, outcomes)
    following = "./sallyport status, ./sallyport show --matrix" if ok else "mend what failed; its log is named above"
    print("\n".join(["", *table, f"Next: {following}"]))
    # The closing line stands last and alone: machines read it.
    print(closing, flush=True)
    return 0 if ok else 1
