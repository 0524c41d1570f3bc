"""What is compiled is proved: for the lab, for the production example, and for fleets made up at random."""

from pathlib import Path

import pytest

from network.prove import report
from network.prove.claim import NAMES
from network.prove.proof import fleets, prove, required_hosts
from network.prove.story import Story
from network.read import load
from tests.unit.compile.fleets import random_model
from tests.unit.prove import fleets as made
from tests.unit.prove.generate import seeded
from tests.unit.prove.test_snapshot import ROOT, lab


@pytest.mark.parametrize("environment", ["lab", "production"])
def test_what_is_compiled_holds(environment: str) -> None:
    model = load(ROOT / "network/policy.yml", ROOT / "inventory" / environment)
    proof = prove(fleets(model, made.snapshots(model, made.answers(model))))
    assert proof.holds, report.text(proof)
    assert not proof.stories
    assert not proof.bounds
    assert "PROVED" in report.text(proof)
    assert {obligation.name for obligation in proof.obligations} <= set(NAMES)


def test_strangers_are_not_asked() -> None:
    assert "client1" not in required_hosts(lab())
    assert "edge1" in required_hosts(lab())


def test_the_table_counts_flows() -> None:
    proof = prove(fleets(lab(), made.snapshots(lab(), made.answers(lab()))))
    assert proof.cells["internet", "dmz"] == {"public-https", "public-http"}
    assert proof.cells["app", "dmz"] == {"status-callback"}
    assert ("broker", "dmz") not in proof.cells


def test_hosts_that_have_not_changed_are_not_read_again() -> None:
    snapshots = made.snapshots(lab(), made.answers(lab()))
    first = fleets(lab(), snapshots)
    again = fleets(lab(), snapshots, first)
    assert all(again[4].machines[name] is first[4].machines[name] for name in snapshots)
    assert prove(again).obligations == prove(first).obligations


def unexplained(story: Story) -> bool:
    """Tell what random fleets do break: they lack SSH, and flows may contradict one another.

    And to the compiler, an IPv6 address of the link alone, or none at all, is one of the world outside.
    """
    strange = story.gap.family == 6 and any(
        address == 0 or address >> 118 == 0xFE80 >> 6 for address in (story.packet.src, story.packet.dst)
    )
    return story.obligation.name != "operator-path" and len(story.flows) < 2 and not strange


def check(seed: int) -> None:
    flows, hosts = ((5, 4), (12, 8), (25, 14))[seed % 3]
    model = random_model(seeded(seed), flows=flows, hosts=hosts, zones=4 + seed % 3, dual=seed % 2 == 1)
    proof = prove(fleets(model, made.snapshots(model, made.answers(model))))
    assert not [story for story in proof.stories if unexplained(story)], report.text(proof)


@pytest.mark.parametrize("seed", range(8))
def test_random_fleets_hold(seed: int) -> None:
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 300))
def test_many_random_fleets_hold(seed: int) -> None:
    check(seed)


def test_real_answers_have_the_shape_of_made_ones() -> None:
    """What the gathering script asks for is what reading needs, section by section."""
    from network.prove.fleet.gather import SCRIPT
    from network.prove.fleet.snapshot import SECTIONS

    asked = [line.split()[1] for line in SCRIPT.splitlines() if line.startswith("section ")]
    assert asked == list(SECTIONS)
    assert isinstance(Path(__file__), Path)
