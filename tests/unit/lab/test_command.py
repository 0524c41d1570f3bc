import os
from pathlib import Path

import pytest

from network import command
from network.command import laboratory
from network.errors import UserError
from network.lab.state import State


def test_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--help"]) == 0
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()[2:]] == list(command.COMMANDS)
    assert all(len(line) <= 120 for line in said.splitlines())


def test_every_module_that_is_a_command_is_listed() -> None:
    modules = {path.stem for path in Path(command.__file__).parent.glob("*.py")}
    assert modules - {"__init__", "answers", "console", "laboratory", "output"} == set(command.COMMANDS)


def test_one_change_of_the_lab_at_a_time(tmp_path: Path) -> None:
    state = State(tmp_path, "lab")
    with laboratory.alone(state), pytest.raises(UserError, match=rf"process {os.getpid()} is changing it"):  # noqa: SIM117
        with laboratory.alone(state):
            pass
    with laboratory.alone(state):
        pass


def test_no_command_shows_the_overview(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    assert "usage: sallyport" in capsys.readouterr().out


def test_unknown_command_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["upp"]) == 2
    assert "no command 'upp'" in capsys.readouterr().err


def test_unknown_host_told_in_four_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["ssh", "nowhere"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert [line[:10] for line in told[1:]] == ["  found:  ", "  rule:   ", "  remedy: "]
