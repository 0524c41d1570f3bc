"""Cases of the compiler as data: a folder each, with a policy, an inventory and what the hosts of interest get.

`expected/<host>.v4` and `.v6` hold the rules that come from flows; what every host has (see network.compile.filter) is
left out, for it stands in the lab's texts. Which hosts a case shows is said by the files in `expected`; to add one,
create the file empty and run with --regenerate.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from network.compile.hosts import hosts_file
from network.compile.iptables import compile_host
from network.compile.routes import routes
from network.model import Model
from network.read import load

CASES = Path(__file__).parent / "cases"
SHOWN = sorted(path for path in CASES.glob("*/expected/*"))


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: f"{path.parent.parent.name}-{path.name}")
def test_case(path: Path, expect: Callable[[Path, str], None]) -> None:
    case = path.parent.parent
    model = load(case / "policy.yml", case / "inventory")
    expect(path, shown(model, path.stem, path.suffix[1:]))


def test_every_case_shows_something() -> None:
    assert {path.parent.parent.name for path in SHOWN} == {path.name for path in CASES.iterdir()}


def shown(model: Model, host: str, what: str) -> str:
    firewall = compile_host(model, host)
    if what == "hosts":
        return hosts_file(model, host)
    if what == "routes":
        return "".join(f"{route}\n" for route in routes(model, host))
    if what == "sets":
        return firewall.sets
    return from_flows({"v4": firewall.v4, "v6": firewall.v6}[what])


def from_flows(text: str) -> str:
    """Return the rules of nat, and those in and between the chains of flows."""
    lines: list[str] = []
    table = ""
    for line in text.splitlines():
        table = line if line.startswith("*") else table
        chain = line.split()[1] if line.startswith("-A") else ""
        if table == "*nat" or chain.partition("-")[0] in ("in", "fwd", "out"):
            lines += [line] if chain else []
    return "".join(f"{line}\n" for line in lines)
