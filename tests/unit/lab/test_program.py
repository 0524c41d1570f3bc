from pathlib import Path

import pytest

from network.errors import UserError
from network.lab import program


def test_output_is_returned() -> None:
    assert program.run(["cat"], doing="copy", stdin="text") == "text"


def test_failure_tells_the_last_words() -> None:
    with pytest.raises(UserError) as raised:
        program.run(["sh", "-c", "echo one >&2; echo two >&2; exit 3"], doing="start web1", remedy="look at it")
    (problem,) = raised.value.problems
    assert (problem.where, problem.found, problem.rule, problem.remedy) == (
        "sh", "one | two", "could not start web1", "look at it"
    )  # fmt: skip


def test_failure_with_a_log_names_the_log_and_its_last_words_only(tmp_path: Path) -> None:
    log = tmp_path / "log" / "up.log"
    program.run(["echo", "before"], doing="begin", log=log)
    with pytest.raises(UserError) as raised:
        program.run(["sh", "-c", "echo broken; exit 1"], doing="build", log=log)
    (problem,) = raised.value.problems
    assert (problem.where, problem.found) == (str(log), "broken")
    assert log.read_text() == "before\nbroken\n"


def test_missing_program_and_late_program() -> None:
    with pytest.raises(UserError, match="no-such-program is not installed"):
        program.run(["no-such-program"], doing="x")
    with pytest.raises(UserError, match="no end after 0 s"):
        program.run(["sleep", "5"], doing="x", timeout=0.1)
