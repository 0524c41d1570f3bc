"""The machine underneath restarts: every host comes back closed first, then whole, without anybody's help."""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from network.check.controls import CONTROLS
from network.check.expectation import Expectation
from network.check.gather import gather
from network.check.shell import Shell
from network.model import Model

PATIENCE = 120
"""Seconds until every host must be whole again."""


def test_fleet_comes_back_by_itself(
    model: Model, shells: Mapping[str, Shell], expectations: Mapping[str, Expectation], nonce: str, state: Path
) -> None:
    # Connections that the control node shares would outlive the hosts that they lead to.
    for name in shells:
        subprocess.run(("ssh", "-F", state / "ssh_config", "-O", "exit", name), check=False, capture_output=True)
    containers = [f"sallyport-{name}" for name in model.fleet.hosts]
    subprocess.run(("docker", "restart", "-t", "20", *containers), check=True, capture_output=True)

    findings: list[str] = ["nothing seen yet"]
    deadline = time.monotonic() + PATIENCE
    while findings and time.monotonic() < deadline:
        time.sleep(3)
        findings = []
        for name, shell in shells.items():
            if shell.run("true").status != 0:
                findings.append(f"{name}: no answer over SSH")
                break
            expected = expectations[name]
            seen = gather(shell, expected, nonce)
            for control in (control for control in CONTROLS if control.applies(expected)):
                findings += [f"{name}: {control.id}: {finding}" for finding in control.check(expected, seen)]

    assert findings == []


def test_no_unit_was_dropped_from_the_boot(shells: Mapping[str, Shell]) -> None:
    # systemd breaks an ordering cycle by dropping a job, silently. Once it dropped the firewall's.
    for name, shell in shells.items():
        journal = shell.run("journalctl _PID=1 --boot --no-pager --quiet --grep 'ordering cycle' || true")
        assert journal.out.strip() == "", name


def test_rules_were_loaded_before_the_network(shells: Mapping[str, Shell]) -> None:
    for name, shell in shells.items():
        order = "systemctl show --property=ActiveEnterTimestampMonotonic --value"
        loaded, network = (
            int(shell.run(f"{order} {unit}").out.strip() or 0)
            for unit in ("sallyport-firewall.service", "network.target")
        )
        assert loaded, f"{name}: the firewall's unit did not run"
        assert not network or loaded <= network, f"{name}: the network was up before the rules"
