"""The evidence of the live fleet: every flow and pair of zones holds, by proof, live probe and controls."""

import argparse
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from network.check.shell import Shell
from network.command.answers import answers
from network.evidence.collect import controlled, counting_since, demand, probed
from network.evidence.html import html
from network.evidence.judge import DIFFERS, PROVED, evidence
from network.evidence.junit import junit
from network.evidence.sarif import sarif
from network.model import Model
from network.prove.proof import fleets, prove


def test_every_flow_of_the_live_fleet_holds(
    model: Model, state: Path, shells: Mapping[str, Shell], tmp_path: Path
) -> None:
    demand(model, shells)
    snapshots = answers(model, argparse.Namespace(offline=None, save=tmp_path)).snapshots
    found = evidence(
        model,
        prove(fleets(model, snapshots)),
        snapshots,
        since=counting_since(shells),
        shadowed=(),
        probed=probed(model, shells),
        controls=controlled(model, shells),
        today=datetime.now(UTC).date(),
        gathered="from the hosts themselves",
    )

    assert found.holds
    assert [each for each in found.flows if each.proved == DIFFERS] == []
    assert {each.proved for each in found.pairs} == {PROVED}
    # Each pair was knocked at, and only where a flow leads did a door open.
    assert {each.source for each in found.pairs if "denied" in each.probed} == set(model.fleet.zones)
    assert [each for each in found.pairs if "open" in each.probed and not each.flows] == []
    assert not [each for each in found.findings if each.rule == "probe"]
    assert found.controls
    assert not [each for each in found.controls if each.findings]
    # These very shells came in by them.
    assert {"operator-ssh", "fleet-ssh"} <= {each.flow for each in found.flows if each.connections}
    assert all(each.since is not None and each.since <= each.answered for each in found.hosts)
    forms = [json.dumps(found.data()), html(found), junit(found), sarif(found)]
    assert names_of_secrets_in(forms, state / "secrets") == []


def names_of_secrets_in(forms: Iterable[str], folder: Path) -> list[str]:
    """Name the secrets that a form holds; their text is not for a failing test to show."""
    kept = {place.name: place.read_text(encoding="utf-8").strip() for place in folder.rglob("*") if place.is_file()}
    assert kept
    told = "\n".join(forms)
    return [name for name, secret in kept.items() if secret and secret in told]
