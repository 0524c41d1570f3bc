"""Saved answers of the lab's hosts with one thing changed: what `sallyport drift` says, and its exit code."""

import argparse
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from network.change.drift import drifted
from network.change.history import NOT_KNOWN, words
from network.command import drift
from network.prove.fleet.gather import SUFFIX, save
from tests.unit.compile.fleets import random_model
from tests.unit.prove import fleets as made
from tests.unit.prove.test_fleet_cases import edited
from tests.unit.prove.test_snapshot import lab


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    drift.arguments(parser)
    return drift.run(parser.parse_args(words))


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    save(made.answers(lab()), tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("host", "edits", "expected"),
    [
        (
            "db1",
            [{"after": "-A INPUT ", "insert": "-A INPUT -p tcp -m tcp --dport 9999 -j ACCEPT"}],
            {("rule", "IPv4 filter INPUT", True, "-A INPUT -p tcp -m tcp --dport 9999 -j ACCEPT")},
        ),
        (
            "db1",
            [{"replace": ":INPUT DROP", "by": ":INPUT ACCEPT"}],
            {("policy", "IPv4 filter INPUT", False, "DROP"), ("policy", "IPv4 filter INPUT", True, "ACCEPT")},
        ),
        (
            "web1",
            [{"replace": "ipv4/conf/eth0/rp_filter:1", "by": "ipv4/conf/eth0/rp_filter:0"}],
            {
                ("setting", "kernel", False, "ipv4/conf/eth0/rp_filter = 1"),
                ("setting", "kernel", True, "ipv4/conf/eth0/rp_filter = 0"),
            },
        ),
        (
            "web1",
            [{"replace": '"gateway": "192.168.57.3"', "by": '"gateway": "192.168.57.2"'}],
            {
                ("route", "IPv4", False, "192.168.58.0-192.168.58.255 via 192.168.57.3"),
                ("route", "IPv4", True, "192.168.58.0-192.168.58.255 via 192.168.57.2"),
            },
        ),
    ],
)
def test_what_differs_is_named(host: str, edits: list[dict[str, Any]], expected: set[tuple[Any, ...]]) -> None:
    texts = made.answers(lab())
    if edits[0].get("replace", "").startswith('"gateway"'):
        texts[host] = texts[host].replace(edits[0]["replace"], edits[0]["by"], 1)
    else:
        texts[host] = edited(texts[host], edits)
    items = list(drifted(lab(), made.snapshots(lab(), texts)))
    assert {(i.kind, i.where, i.extra, i.text) for i in items} == expected
    assert {i.host for i in items} == {host}
    assert all(i.place.startswith(f"{host}:") for i in items if i.kind == "rule" and i.extra)


def test_a_removed_rule_and_a_further_member_are_named() -> None:
    texts = made.answers(lab())
    kept = [line for line in texts["web1"].splitlines() if "flow:status-callback" not in line]
    removed = [line for line in texts["web1"].splitlines() if "flow:status-callback" in line]
    texts["web1"] = "\n".join(kept) + "\n"
    member = next(line for line in texts["core1"].splitlines() if line.startswith("add "))
    name = member.split()[1]
    texts["core1"] = texts["core1"].replace(member, f"{member}\nadd {name} 192.168.58.99")
    items = list(drifted(lab(), made.snapshots(lab(), texts)))
    assert [i.text for i in items if i.host == "web1"] == removed
    assert not any(i.extra for i in items if i.host == "web1")
    assert [(i.kind, i.where, i.extra, i.text) for i in items if i.host == "core1"] == [
        ("member", f"set {name}", True, "192.168.58.99")
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_fleet_with_both_families_as_deployed_has_no_drift(seed: int) -> None:
    model = random_model(Random(seed), flows=12, hosts=6, zones=5, dual=True)  # noqa: S311 not for secrets
    assert list(drifted(model, made.snapshots(model, made.answers(model)))) == []


def test_without_drift_it_exits_with_0(answers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--offline", str(answers)) == 0
    assert "NO DRIFT" in capsys.readouterr().out


def test_drift_exits_with_1_and_says_what_it_means(answers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = answers / f"db1{SUFFIX}"
    rule = "-A INPUT -p tcp -m tcp --dport 9999 -j ACCEPT"
    place.write_text(edited(place.read_text(), [{"after": "-A INPUT ", "insert": rule}]))
    assert run("--offline", str(answers)) == 1
    shown = capsys.readouterr().out
    assert f"+ rule (IPv4 filter INPUT): {rule}   [{place}:" in shown
    assert "data→db1: tcp/9999 from" in shown
    assert NOT_KNOWN in shown
    assert run("--offline", str(answers), "--json") == 1
    data = json.loads(capsys.readouterr().out)
    assert data["meaning"][0]["receiver"] == "db1"
    assert data["items"][0]["text"] == rule
    assert run("--offline", str(answers), "--markdown") == 1
    assert capsys.readouterr().out.startswith("### DRIFT: differences: 1, on db1;")


def test_a_host_that_did_not_answer_exits_with_3(answers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (answers / f"db1{SUFFIX}").unlink()
    assert run("--offline", str(answers)) == 3
    assert "NOT KNOWN" in capsys.readouterr().err


def test_a_host_tells_who_and_when_without_arguments_that_may_be_secret() -> None:
    answer = """=== state
{"state": "confirmed", "since": "2026-11-26T12:10:26Z"}
=== files
2026-11-26 12:10:25.000000000 +0000 root /etc/sallyport/firewall/rules.v4
=== journal
2026-11-26T12:13:50+0000 db1 sshd[1]: Accepted publickey for operator from 192.168.61.10 port 1 ssh2
2026-11-26T12:13:51+0000 db1 sudo[2]: operator : PWD=/ ; USER=root ; COMMAND=/usr/sbin/iptables -I INPUT -j ACCEPT
2026-11-26T12:13:52+0000 db1 sudo[3]: operator : PWD=/ ; USER=root ; COMMAND=/usr/bin/mysql --password=hush
"""
    said = words(answer)
    assert said == (
        "2026-11-26T12:10:26Z the loader noted: confirmed",
        "2026-11-26T12:10:25Z /etc/sallyport/firewall/rules.v4 was written (it is root's)",
        "2026-11-26T12:13:51+0000 operator ran /usr/sbin/iptables",
        "2026-11-26T12:13:50+0000 operator logged in from 192.168.61.10",
    )
    assert words("") == (NOT_KNOWN,)
