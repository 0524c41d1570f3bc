"""The evidence of the live fleet: every flow holds, nothing is an error, and what was used has been counted."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from network.check.shell import Shell
from network.command.answers import answers
from network.evidence.counters import connections
from network.evidence.judge import DIFFERS, evidence
from network.model import Model
from network.prove.proof import fleets, prove


def test_every_flow_of_the_live_fleet_holds(model: Model, shells: Mapping[str, Shell], tmp_path: Path) -> None:
    assert shells
    given = answers(model, argparse.Namespace(offline=None, save=tmp_path))
    found = evidence(
        model,
        prove(fleets(model, given.snapshots)),
        counted=connections(given.snapshots),
        shadowed=(),
        probed=None,
        controls=(),
        today=datetime.now(UTC).date(),
        gathered="from the hosts themselves",
    )

    assert [each for each in found.flows if each.proved == DIFFERS] == []
    assert found.holds
    # These very shells came in by them.
    assert {"operator-ssh", "fleet-ssh"} <= {each.flow for each in found.flows if each.connections}
