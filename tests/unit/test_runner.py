"""The test run itself: what counts as passed."""

import sys
from pathlib import Path

from network.testing.runner import Counts, read_counts, report, run
from network.testing.stages import Stage, junit


def quiet(_: str) -> None:
    """Swallow progress."""


def stage(name: str, code: str, lane: int | None, *, reports: bool = False) -> Stage:
    """Return a stage that runs a line of Python."""
    return Stage(name, (sys.executable, "-c", code), lane, reports)


def test_a_lab_stage_is_not_run_after_a_failure(tmp_path: Path) -> None:
    stages = (stage("lint", "raise SystemExit(1)", 0), stage("lab", "print('up')", None))
    outcomes = run(stages, tmp_path, quiet)
    assert [outcome.stage.name for outcome in outcomes] == ["lint"]
    lines = report(stages, outcomes)
    assert "not run" in lines[2]
    assert lines[-1] == "0 passed, 1 failed"


def test_every_lane_runs_to_its_end_even_if_another_fails(tmp_path: Path) -> None:
    stages = (stage("a", "raise SystemExit(1)", 0), stage("b", "pass", 0), stage("c", "pass", 1))
    assert {outcome.stage.name: outcome.ok for outcome in run(stages, tmp_path, quiet)} == {
        "a": False,
        "b": True,
        "c": True,
    }


def test_a_pytest_stage_that_wrote_no_report_has_failed(tmp_path: Path) -> None:
    (outcome,) = run((stage("tests", "pass", 0, reports=True),), tmp_path, quiet)
    assert not outcome.ok
    assert outcome.counts == Counts(failed=1)


def test_a_pytest_stage_that_ran_nothing_has_failed(tmp_path: Path) -> None:
    code = f"open({str(tmp_path / junit('tests'))!r}, 'w').write('<testsuites><testsuite tests=\"0\"/></testsuites>')"
    (outcome,) = run((stage("tests", code, 0, reports=True),), tmp_path, quiet)
    assert not outcome.ok


def test_counts_are_read_from_every_suite(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(
        '<testsuites><testsuite tests="5" failures="1" errors="1" skipped="1"/><testsuite tests="2"/></testsuites>'
    )
    assert read_counts(path) == Counts(passed=4, failed=2, skipped=1)


def test_the_log_of_a_failed_stage_is_shown(tmp_path: Path) -> None:
    stages = (stage("lint", "print('the cause'); raise SystemExit(1)", 0),)
    assert any("the cause" in line for line in report(stages, run(stages, tmp_path, quiet)))
