"""The output of ``sallyport show`` and ``sallyport graph``."""

import argparse
import json
from pathlib import Path

import pytest

from network.command import graph, show
from network.draw.flowmap import flow_map
from network.draw.heatmap import heat_map
from network.draw.mermaid import diagram
from network.errors import UserError
from network.read import load

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = ("--inventory", str(ROOT / "inventory/production"), "--policy", str(ROOT / "network/policy.yml"))


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    parser = argparse.ArgumentParser()
    show.arguments(parser)
    assert show.run(parser.parse_args([*arguments, *PRODUCTION])) == 0
    return capsys.readouterr().out


def test_host(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, "web1")
    assert out.startswith("web1: host in dmz, administered at 10.20.1.10\n")
    titles = [
        line for line, below in zip(out.splitlines(), out.splitlines()[1:], strict=False) if below == "=" * len(line)
    ]
    assert [title for title in titles if title] == [
        "Legs",
        "Routes",
        "Flows in",
        "Flows out",
        "/etc/hosts",
        "Address sets (ipset restore)",
        "Rules, IPv4 (iptables-restore)",
        "Rules, IPv6 (ip6tables-restore)",
        "nginx",
    ]
    assert "[PUT /stocks/{id}/put, callback-token]" in out
    assert "flow:status-callback" in out


def test_firewall_without_nginx(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, "edge1")
    assert out.startswith("edge1: firewall in internet, dmz, administered at 10.20.1.2\n")
    assert "\nnginx\n" not in out


def test_host_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(shown(capsys, "db1", "--json"))["sallyport_zone"] == "data"


def test_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, "--matrix")
    assert "Zones\n=====" in out
    assert "Hosts and peers\n===============" in out
    assert out.endswith("What is not in a cell is denied and logged.\n")


def test_matrix_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    matrix = json.loads(shown(capsys, "--matrix", "--json"))
    assert {"from": "worker1", "to": "web1", "services": ["callback"]} in matrix["ends"]
    assert {"from": "app", "to": "dmz", "services": ["callback"]} in matrix["zones"]


@pytest.mark.parametrize(
    ("name", "remedy"), [("wep1", "Did you mean 'web1'?"), ("printer", "Name one of: edge1, core1")]
)
def test_host_that_is_not_there(capsys: pytest.CaptureFixture[str], name: str, remedy: str) -> None:
    with pytest.raises(UserError) as caught:
        shown(capsys, name)
    assert remedy in str(caught.value)


def test_neither_host_nor_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="no host given"):
        shown(capsys)


def drawn(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    graph.arguments(parser)
    return graph.run(parser.parse_args([*arguments, *PRODUCTION]))


def test_graph(capsys: pytest.CaptureFixture[str]) -> None:
    model = load(ROOT / "network/policy.yml", ROOT / "inventory/production")
    for option, expected in (
        (["--mermaid"], f"{diagram(model)}\n"),
        (["--heat-map"], heat_map(model)),
        ([], flow_map(model)),
    ):
        assert drawn(*option) == 0
        assert capsys.readouterr().out == expected


def test_graph_into_a_file(tmp_path: Path) -> None:
    assert drawn("--output", str(tmp_path / "flows.svg")) == 0
    assert (tmp_path / "flows.svg").read_text().startswith("<svg")
    with pytest.raises(UserError, match="No such file or directory"):
        drawn("--output", str(tmp_path / "nowhere" / "flows.svg"))


def test_graph_of_a_fleet_that_is_not_known_is_not_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert drawn("--offline", str(tmp_path)) == 3
    shown = capsys.readouterr()
    assert "NOT DRAWN" in shown.err
    assert not shown.out
    with pytest.raises(UserError, match="--mermaid"):
        drawn("--offline", str(tmp_path), "--mermaid")
