"""`sallyport plan` in a git repository: revisions, files, exit codes, and what cannot be read."""

import argparse
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from network.command import plan
from network.errors import Problem, UserError
from network.prove.fleet.gather import save
from network.read import load
from tests.unit.prove import fleets as made

ROOT = Path(__file__).parents[3]
WIDER = "from: worker\n    to: db", "from: [worker, mgmt]\n    to: db"


def git(where: Path, *words: str) -> None:
    identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.test")
    subprocess.run(["git", "-C", str(where), *identity, *words], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a repository whose tag `wide` lets one more zone to the database; the files are as before."""
    shutil.copytree(ROOT / "inventory/lab", tmp_path / "inventory/lab", ignore=shutil.ignore_patterns("machine.yml"))
    policy = tmp_path / "policy.yml"
    text = (ROOT / "network/policy.yml").read_text()
    git(tmp_path, "init", "-q")
    for content, tag in ((text, "narrow"), (text.replace(*WIDER), "wide"), ("zones: [\n", "broken"), (text, "last")):
        policy.write_text(content)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-q", "--message", tag)
        git(tmp_path, "tag", tag)
    policy.unlink()
    git(tmp_path, "commit", "-q", "--all", "--message", "bare")
    git(tmp_path, "tag", "bare")
    git(tmp_path, "reset", "-q", "--hard", "last")
    return tmp_path


def run(checkout: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    plan.arguments(parser)
    places = ("--policy", str(checkout / "policy.yml"), "--inventory", str(checkout / "inventory/lab"))
    return plan.run(parser.parse_args([*places, *words]))


def problem(checkout: Path, *words: str) -> Problem:
    with pytest.raises(UserError) as raised:
        run(checkout, *words)
    return raised.value.problems[0]


def test_head_is_compared_with_the_files(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(checkout) == 0
    assert "Nothing is newly allowed" in capsys.readouterr().out
    policy = checkout / "policy.yml"
    policy.write_text(policy.read_text().replace(*WIDER))
    assert run(checkout) == 0
    assert "WIDENS   mgmt→data tcp/5432 from 192.168.61.0/24" in capsys.readouterr().out


def test_revisions_are_compared_and_widening_can_fail(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(checkout, "--from", "narrow", "--to", "wide", "--fail-on", "widen", "--json") == plan.WIDENS
    assert json.loads(capsys.readouterr().out)["reach"][0]["sources"] == ["192.168.61.0-192.168.61.255"]
    assert run(checkout, "--from", "wide", "--to", "narrow", "--fail-on", "widen", "--markdown") == 0
    assert "newly DENIED" in capsys.readouterr().out


def test_nothing_is_checked_out(checkout: Path) -> None:
    run(checkout, "--from", "wide", "--to", "narrow")
    done = subprocess.run(["git", "-C", str(checkout), "status", "--porcelain"], capture_output=True, check=True)
    assert done.stdout == b""


def test_files_are_compared(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other") / "policy.yml"
    other.write_text((checkout / "policy.yml").read_text().replace(*WIDER))
    assert run(checkout, "--from-policy", str(other), "--fail-on", "widen") == 0
    assert (
        run(
            other.parent,
            "--from-policy",
            str(checkout / "policy.yml"),
            "--inventory",
            str(checkout / "inventory/lab"),
            "--fail-on",
            "widen",
        )
        == plan.WIDENS
    )


def test_what_git_ignores_belongs_to_both(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / ".git/info/exclude").write_text("machine.yml\n")
    found = "network_externals_found:\n  package-mirrors:\n    deb.example.test: [203.0.113.80]\n"
    (checkout / "inventory/lab/group_vars/all/machine.yml").write_text(found)
    assert run(checkout, "--fail-on", "widen") == 0
    assert "Nothing is newly allowed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "where", "found"),
    [
        (["--from", "nowhere"], "nowhere", "no such revision"),
        (["--from", "--no-such=option"], "--no-such=option", "no such revision"),
        (["--from", "bare"], "bare:policy.yml", "no such path"),
        (["--from", "broken"], "broken:policy.yml:", ""),
        (["--from", "last", "--from-policy", "policy.yml"], "--from, --to", "revisions and files"),
    ],
)
def test_what_cannot_be_compared_is_named(checkout: Path, words: list[str], where: str, found: str) -> None:
    option, *value = words
    said = problem(checkout, f"{option}={value[0]}", *value[1:])
    assert said.where.startswith(where)
    assert found in said.found


def test_an_inventory_that_cannot_be_read_is_named_with_its_revision(checkout: Path) -> None:
    (checkout / "inventory/lab/hosts.yml").rename(checkout / "inventory/lab/hosts.ini")
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "--message", "ini")
    git(checkout, "tag", "ini")
    said = problem(checkout, "--from", "ini", "--to", "narrow")
    assert said.where == "ini:inventory/lab/hosts.ini"


def test_without_a_checkout_it_says_so(tmp_path: Path) -> None:
    assert "not a git repository" in problem(tmp_path).found


def test_against_the_fleet_what_is_missing_is_newly_allowed(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    narrow = load(checkout / "policy.yml", checkout / "inventory/lab")
    saved = tmp_path_factory.mktemp("saved")
    save(made.answers(narrow), saved)
    assert run(checkout, "--offline", str(saved), "--fail-on", "widen") == 0
    assert "Nothing would be newly allowed" in capsys.readouterr().out
    policy = checkout / "policy.yml"
    text = policy.read_text()
    policy.write_text(text.replace(*WIDER))
    assert run(checkout, "--offline", str(saved), "--fail-on", "widen") == plan.WIDENS
    shown = capsys.readouterr().out
    assert "WIDENS   mgmt→db1 tcp/5432 from 192.168.61.1-192.168.61.2" in shown
    assert ": newly ALLOWED (flow worker-database)" in shown
    assert "db1: rule (+" in shown
    policy.write_text(text.replace("id: main-broker\n    from: web", "id: main-broker\n    from: worker"))
    assert run(checkout, "--offline", str(saved), "--json") == 0
    reach = json.loads(capsys.readouterr().out)["reach"]
    assert {(each["receiver"], each["allowed"]) for each in reach} >= {("broker1", True), ("broker1", False)}
    (saved / "db1.snapshot").unlink()
    assert run(checkout, "--offline", str(saved)) == 3
    with pytest.raises(UserError):
        run(checkout, "--live", "--from", "narrow")


def test_a_link_out_of_the_checkout_is_refused(checkout: Path) -> None:
    (checkout / "inventory/lab/hosts.yml").unlink()
    (checkout / "inventory/lab/hosts.yml").symlink_to("/etc/passwd")
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "--message", "link")
    assert problem(checkout, "--from", "HEAD").where == "HEAD:inventory/lab"
