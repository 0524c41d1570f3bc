"""Runs the stages of the test run, shows their progress, and counts what they report."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from network.testing.stages import Stage, junit

Say = Callable[[str], None]


@dataclass(frozen=True)
class Counts:
    """Tests of one or more pytest runs."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)


@dataclass(frozen=True)
class Outcome:
    """What came of one stage. `seconds` is wall-clock time; `log` holds all it printed."""

    stage: Stage
    ok: bool
    seconds: float
    log: Path
    counts: Counts


def run_stage(stage: Stage, root: Path, say: Say) -> Outcome:
    """Run one stage to its end, its output into a log of its own; a lab stage's output is shown as it comes."""
    log = root / ".sallyport/test" / f"{stage.name.replace(' ', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    report = root / junit(stage.name)
    report.unlink(missing_ok=True)
    say(f"{stage.name}: started")
    start = time.monotonic()
    with (
        log.open("wb") as sink,
        subprocess.Popen(
            stage.command, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            sink.write(line)
            if stage.lane is None:
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
        code = process.wait()
    seconds = time.monotonic() - start
    counts = read_counts(report) if stage.reports else Counts()
    # A pytest run that collected nothing checks nothing: that is a failure, whatever its exit code.
    ok = code == 0 and (not stage.reports or counts.passed > 0)
    say(f"{stage.name}: {'ok' if ok else 'FAILED'} in {seconds:.0f} s" + (f", {counts.passed} passed" * stage.reports))
    return Outcome(stage, ok, seconds, log, counts)


def read_counts(report: Path) -> Counts:
    """Return the counts of a JUnit file; a file that is not there is one failure, for then the run broke off."""
    if not report.exists():
        return Counts(failed=1)
    total = Counts()
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):  # noqa: S314 our own pytest wrote it
        tests, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        total += Counts(tests - failed - skipped, failed, skipped)
    return total


def run(stages: Sequence[Stage], root: Path, say: Say) -> list[Outcome]:
    """Run the lanes side by side, then the stages without one in turn; the first failure among those ends the run."""
    outcomes: list[Outcome] = []
    lock = threading.Lock()

    def run_lane(lane: Iterable[Stage]) -> None:
        for stage in lane:
            outcome = run_stage(stage, root, say)
            with lock:
                outcomes.append(outcome)

    lanes = sorted({stage.lane for stage in stages if stage.lane is not None})
    with ThreadPoolExecutor(max_workers=max(1, len(lanes))) as pool:
        list(pool.map(run_lane, [[stage for stage in stages if stage.lane == lane] for lane in lanes]))
    for stage in stages:
        if stage.lane is None and all(outcome.ok for outcome in outcomes):
            outcomes.append(run_stage(stage, root, say))
    return outcomes


def report(stages: Sequence[Stage], outcomes: Sequence[Outcome]) -> list[str]:
    """Return the closing table: each stage's verdict and time, the failed ones' last lines, the sum of the tests."""
    done = {outcome.stage.name: outcome for outcome in outcomes}
    width = max(len(stage.name) for stage in stages)
    lines = [f"{'stage':<{width}}  verdict  seconds  tests"]
    for stage in stages:
        outcome = done.get(stage.name)
        if outcome is None:
            lines.append(f"{stage.name:<{width}}  not run")
            continue
        tests = str(outcome.counts.passed) if stage.reports else "-"
        lines.append(
            f"{stage.name:<{width}}  {'ok' if outcome.ok else 'FAILED':<7}  {outcome.seconds:7.1f}  {tests:>5}"
        )
    for outcome in outcomes:
        if not outcome.ok:
            tail = outcome.log.read_text(errors="replace").splitlines()[-60:]
            lines += ["", f"--- {outcome.stage.name} failed; the end of {outcome.log}:", *tail]
    total = sum((outcome.counts for outcome in outcomes), Counts())
    # A check that is no pytest run counts as one test, so that the sum cannot be all passed beside a failed stage.
    plain = [outcome.ok for outcome in outcomes if not outcome.stage.reports]
    passed, failed = total.passed + plain.count(True), total.failed + plain.count(False)
    lines += ["", f"{passed} passed, {failed} failed" + (f", {total.skipped} skipped" if total.skipped else "")]
    return lines
