"""The kernel takes what was compiled and prints the same rules back: so the text can be compared with a live host."""

import subprocess
from pathlib import Path
from random import Random

import pytest

from network.compile.iptables import Firewall, compile_host
from network.model import Model
from tests.unit.compile.fleets import Builder, random_model
from tests.unit.compile.test_depth import overlapping_groups
from tests.unit.compile.test_lab import HOSTS

pytestmark = [pytest.mark.needs_root, pytest.mark.thorough]

LOAD = """
set -e
ipset restore < sets
iptables-restore --test rules.v4
ip6tables-restore --test rules.v6
iptables-restore rules.v4
ip6tables-restore rules.v6
iptables-save > saved.v4
ip6tables-save > saved.v6
ipset save > saved.sets
"""


def load(firewall: Firewall, place: Path) -> None:
    """Load a firewall into a network namespace that ends with the command, and save what is there then."""
    (place / "rules.v4").write_text(firewall.v4)
    (place / "rules.v6").write_text(firewall.v6)
    (place / "sets").write_text(firewall.sets)
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", LOAD], cwd=place, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def chains(text: str) -> dict[tuple[str, str], list[str]]:
    """Return the rules by table and chain, the policy of the chain before them. Counters and remarks are left out."""
    found: dict[tuple[str, str], list[str]] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line
        elif line.startswith(":"):
            chain, policy, _ = line[1:].split()
            found[table, chain] = [policy]
        elif line.startswith("-A"):
            _, chain, rule = line.split(" ", 2)
            found[table, chain].append(rule)
    return found


def check(firewall: Firewall, place: Path) -> None:
    load(firewall, place)
    for version, text in (("v4", firewall.v4), ("v6", firewall.v6)):
        saved = chains((place / f"saved.{version}").read_text())
        for chain, rules in chains(text).items():
            # Tables without a rule are not all printed.
            assert saved.pop(chain, ["ACCEPT"]) == rules
        assert saved == {}
    members = [line for line in firewall.sets.splitlines() if line.startswith("add")]
    assert {line for line in (place / "saved.sets").read_text().splitlines() if line.startswith("add")} == set(members)


@pytest.mark.parametrize("host", HOSTS)
def test_the_lab_loads_and_prints_back(lab: Model, host: str, tmp_path: Path) -> None:
    check(compile_host(lab, host), tmp_path)


@pytest.mark.parametrize("host", ["edge1", "core1", "h0"])
def test_all_sorts_of_flows_load_and_print_back(host: str, tmp_path: Path) -> None:
    random = Random(5)  # noqa: S311 the same each time
    check(compile_host(random_model(random, flows=60, hosts=12, zones=6, dual=True), host), tmp_path)


def test_a_deep_tree_loads_and_prints_back(tmp_path: Path) -> None:
    """With sets of triples, which the tree needs where groups overlap."""
    builder = Builder(7, dual=True)
    overlapping_groups(builder, 400, Random(3))  # noqa: S311 the same each time
    firewall = compile_host(builder.model(), "core1")
    assert "create t-" in firewall.sets
    check(firewall, tmp_path)
