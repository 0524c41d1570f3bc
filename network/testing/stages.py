"""Which checks there are, in the order in which they are run."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stage:
    """One command of the test run.

    `lane` orders the fast checks: stages of different lanes run side by side, those of one lane in turn. The checks
    on the lab have no lane: they share the one lab, and so run alone. `reports` says whether the command is a pytest
    run, whose counts go into the sum.
    """

    name: str
    command: tuple[str, ...]
    lane: int | None
    reports: bool = False


def pytest(name: str, paths: tuple[str, ...], lane: int | None, *, python: str = ".venv/bin/python") -> Stage:
    """Return the stage that runs pytest on `paths`; its counts go to a JUnit file named after the stage."""
    return Stage(name, (python, "-m", "pytest", f"--junitxml={junit(name)}", *paths), lane, reports=True)


def junit(name: str) -> Path:
    """Return where the stage's JUnit file lies, relative to the repository."""
    return Path(".sallyport/test") / f"{name.replace(' ', '-')}.xml"


FAST: tuple[Stage, ...] = (
    Stage("ruff", (".venv/bin/ruff", "check", "."), 0),
    Stage("format", (".venv/bin/ruff", "format", "--check", "."), 0),
    Stage("types", (".venv/bin/mypy",), 0),
    Stage("service environment", (".venv/bin/uv", "sync", "-q", "--frozen", "--project", "services"), 0),
    Stage(
        "service types",
        ("services/.venv/bin/mypy", "--config-file", "services/pyproject.toml", "services", "tests/services"),
        0,
    ),
    pytest(
        "service tests",
        ("-n2", "--dist=loadfile", "-m", "not thorough", "tests/services"),
        0,
        python="services/.venv/bin/python",
    ),
    pytest("unit tests", ("-m", "not (slow or kernel or thorough)", "tests/unit"), 1),
)

# Needs no lab either, but takes longer than all of the fast checks.
THOROUGH: tuple[Stage, ...] = (
    Stage("ansible-lint", (".venv/bin/ansible-lint", "--offline", "-q"), 1),
    pytest(
        "thorough service tests",
        ("-n2", "--dist=loadfile", "-m", "thorough", "tests/services"),
        0,
        python="services/.venv/bin/python",
    ),
    pytest("thorough tests", ("-m", "thorough or kernel", "tests/unit"), 1),
)

LAB: tuple[Stage, ...] = (
    Stage("lab", ("./sallyport", "up"), None),
    Stage("lab again", ("./sallyport", "up", "--expect-unchanged"), None),
    Stage("proof", ("./sallyport", "prove"), None),
    pytest("compliance", ("tests/compliance",), None),
    pytest("journeys", ("tests/journeys",), None),
    pytest("drills", ("tests/drills",), None),
)
