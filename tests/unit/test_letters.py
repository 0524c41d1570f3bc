"""The command `letters`: what it refuses, and how it tells what the queues say."""

import argparse
import runpy
import subprocess
from pathlib import Path

import pytest

from network.command import letters
from network.errors import Problem, UserError
from network.lab.state import ROOT


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    letters.arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("list", "--queue", "main"),
        ("show", "17", "--queue", "main"),
        ("redrive", "17", "18", "--queue", "main"),
        ("redrive", "--all", "--queue", "status"),
    ],
)
def test_right_calls(words: tuple[str, ...]) -> None:
    assert letters.misuse(parsed(*words)) is None


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("list", "17"), "list takes no ids"),
        (("show", "17"), "ids belong to one queue"),
        (("show", "--queue", "main"), "show takes one id"),
        (("redrive", "--queue", "main"), "either ids or --all"),
        (("redrive", "17", "--all", "--queue", "main"), "either ids or --all"),
        (("redrive", "17;reboot", "--queue", "main"), "an id is a number or a UUID"),
        (("show", "$(reboot)", "--queue", "main"), "an id is a number or a UUID"),
    ],
)
def test_wrong_calls_are_told_before_any_host_is_asked(words: tuple[str, ...], rule: str) -> None:
    fault = letters.misuse(parsed(*words))
    assert fault is not None
    assert fault.rule == rule


def test_every_queue_names_a_module_that_is_there() -> None:
    for queue in letters.QUEUES.values():
        assert (ROOT / (queue.module.replace(".", "/") + ".py")).exists()


def test_every_group_of_the_broker_has_a_queue() -> None:
    groups = runpy.run_path(str(ROOT / "services/broker/topology.py"))["GROUPS"]
    kept = [queue for queue in letters.QUEUES.values() if queue.secret == "broker_password"]  # noqa: S105 - its name
    assert len({queue.module for queue in kept}) == sum(map(len, groups.values()))


def test_jobs_are_the_brokers_only_where_the_environment_has_chosen_that() -> None:
    assert "jobs" not in letters.chosen(None, {"broker": "rabbitmq", "transport": "http"})
    assert letters.chosen(None, {"broker": "rabbitmq", "transport": "broker"}) == list(letters.QUEUES)
    assert letters.chosen("jobs", {"transport": "broker"}) == ["jobs"]
    with pytest.raises(UserError) as caught:
        letters.chosen("jobs", {"transport": "grpc"})
    (fault,) = caught.value.problems
    assert (fault.found, fault.rule) == (
        "network_choices: transport: grpc",
        "there is this queue only with transport: broker",
    )


def test_a_queue_that_does_not_answer_hides_no_other() -> None:
    away = Problem("gateway1", "the broker does not answer", "it is asked", "see that it is up")

    def ask(name: str) -> str:
        if name == "welcome":
            raise UserError(away)
        return name

    assert letters.asked(["main", "welcome", "status"], ask) == ({"main": "main", "status": "status"}, [away])


def test_letters_are_told_with_the_next_step() -> None:
    letter = {
        "id": "17",
        "stock_id": 3,
        "request_id": None,
        "attempts": 2,
        "dead_since": "2026-11-26T10:00:00.123456+00:00",
        "reason": "answered 403",
    }
    told = letters.text("list", {"main": {"letters": [letter]}, "status": {"letters": []}})
    assert told == [
        "main: 1 dead letters (jobs that the async service refused)",
        "  17  stock 3  request -  2 attempts  dead since 2026-11-26T10:00:00  answered 403",
        "  Next: ./sallyport letters redrive --queue main --all",
        "status: no dead letters (results that the callback refused)",
    ]
    message = letter | {"channel": "telegram", "recipient": "42", "state": "unknown"}
    assert letters.text("list", {"gateway": {"letters": [message]}})[1] == (
        "  17  unknown  telegram to 42  2 attempts  dead since 2026-11-26T10:00:00  answered 403"
    )
    event = {"id": "7d44", "type": "user.registered", "version": 2, "created_at": "2026-11-26T10:00:00+00:00"}
    lines = letters.text("list", {"welcome": {"letters": [event | {"reason": "of version 2"}]}})
    assert lines[1] == "  7d44  user.registered version 2  from 2026-11-26T10:00:00  of version 2"
    broken = {"id": "7d44", "type": None, "bytes": 7, "reason": "no event: not JSON"}
    assert letters.text("list", {"statistics": {"letters": [broken]}})[1] == "  7d44  7 bytes  no event: not JSON"
    redriven = {"main": {"redriven": ["17"], "not_dead": ["18"]}}
    assert letters.text("redrive", redriven) == ["main: 1 sent again", "  18: not dead (any more)"]


def test_the_remote_part_lends_the_service_its_settings_and_its_secret_and_nothing_else(tmp_path: Path) -> None:
    """Run for real, with stand-ins for the two programs of systemd."""
    settings = "SP_CA_FILE=/ca.pem SP_DATABASE_HOST=db1 SP_BROKER_HOST=broker1 SP_STATUS_URL=https://w:3000 A=1"
    for name, body in {"systemctl": f"echo '{settings}'", "systemd-run": 'printf "%s\\n" "$@"'}.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
    done = subprocess.run(
        ["sh", "-s", "--", "main", "relay", "database_password", "services.main.letters", "redrive", "--all"],
        input=letters._REMOTE,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    words = done.stdout.splitlines()
    assert [word for word in words if word.startswith("--setenv")] == [
        "--setenv=SP_CA_FILE=/ca.pem",
        "--setenv=SP_DATABASE_HOST=db1",
        "--setenv=SP_BROKER_HOST=broker1",
    ]
    assert [word for word in words if "LoadCredential" in word] == [
        "--property=LoadCredential=database_password:/etc/sallyport/secrets/main/database_password"
    ]
    assert words[-5:] == ["/opt/sallyport/main/current/bin/python", "-m", "services.main.letters", "redrive", "--all"]
