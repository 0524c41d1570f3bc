import json
import subprocess
import sys
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import crossplane  # type: ignore[import-untyped]
import pytest
import yaml

from network.compile.nginx import Machine, canonical, server_config
from network.errors import UserError
from network.model import Endpoint, HttpGuard, Leg, Model
from network.read import load
from tests.unit.nginx.web_host import loopback_model

GOLDEN = Path(__file__).with_name("web1.lab.conf")


def changed(model: Model, **guard: str) -> Model:
    """Return the model with another guard on its callback flow."""
    flows = tuple(replace(flow, http=replace(flow.http, **guard)) if flow.http else flow for flow in model.flows)
    return replace(model, flows=flows)


def compiled(model: Model) -> str:
    text = server_config(model, "web1")
    assert text is not None
    return text


def listeners(text: str) -> set[str]:
    """Return every address and port that a configuration listens on."""
    http = next(
        item
        for item in crossplane.parse_string(text, single=True)["config"][0]["parsed"]
        if item["directive"] == "http"
    )
    servers = [item["block"] for item in http["block"] if item["directive"] == "server"]
    return {item["args"][0] for server in servers for item in server if item["directive"] == "listen"}


def test_server_config_of_the_lab_is_the_golden_one() -> None:
    model = load(Path("network/policy.yml"), Path("inventory/lab"))

    assert server_config(model, "web1") == GOLDEN.read_text(encoding="utf-8")


def test_server_config_only_where_published_https_ends() -> None:
    model = load(Path("network/policy.yml"), Path("inventory/lab"))

    assert [name for name in model.fleet.hosts if server_config(model, name) is not None] == ["web1"]


def test_server_config_listens_on_the_flows_ports_only() -> None:
    assert listeners(compiled(loopback_model(81, 444, 8445))) == {
        "127.0.57.10:81",
        "127.0.57.10:444",
        "127.0.57.10:8445",
    }


def test_server_config_without_guarded_flow_has_no_door() -> None:
    model = loopback_model()
    text = compiled(replace(model, flows=model.flows[:2]))

    assert "auth_request" not in text
    assert listeners(text) == {"127.0.57.10:80", "127.0.57.10:443"}


def test_server_config_without_published_http_does_not_redirect() -> None:
    model = loopback_model()

    assert listeners(compiled(replace(model, flows=(model.flows[0],)))) == {"127.0.57.10:443"}


def test_server_config_second_leg_is_listened_on_too() -> None:
    model = loopback_model()
    web = model.fleet.hosts["web1"]
    dual = replace(web, legs=(*web.legs, Leg("dmz", ip_address("fd00:57::10"), ip_network("fd00:57::/64"))))
    text = compiled(replace(model, fleet=replace(model.fleet, hosts={**model.fleet.hosts, "web1": dual})))

    assert "[fd00:57::10]:443" in listeners(text)


def test_server_config_allows_every_source_of_the_flow_and_no_other() -> None:
    model = loopback_model()
    sources = (Endpoint("host", "worker1"), Endpoint("host", "gateway1"))
    flows = tuple(replace(flow, sources=sources) if flow.http else flow for flow in model.flows)
    text = compiled(replace(model, flows=flows))

    assert [line.split()[1] for line in text.splitlines() if line.split()[:1] == ["allow"]] == [
        "127.0.58.10;",
        "127.0.58.20;",
    ]


def test_server_config_flow_from_the_world_denies_the_inner_zones() -> None:
    model = loopback_model()
    flows = tuple(replace(flow, sources=(Endpoint("zone", "internet"),)) if flow.http else flow for flow in model.flows)
    text = compiled(replace(model, flows=flows))

    assert "deny 127.0.58.0/24;" in text
    assert text.index("deny 127.0.58.0/24;") < text.index("allow all;")


def test_server_config_two_doors_on_one_port_share_a_server() -> None:
    model = loopback_model()
    callback = next(flow for flow in model.flows if flow.http)
    second = replace(callback, id="report", http=HttpGuard("POST", "/reports", "report-token"))
    text = compiled(replace(model, flows=(*model.flows, second)))

    assert text.count("server_name web1 ") == 1
    assert "include /etc/sallyport/nginx/report-token.map;" in text
    assert '"unmet:report":"$unmet_report"' in text


def test_machine_agrees_with_the_roles() -> None:
    web = yaml.safe_load(Path("roles/web/defaults/main.yml").read_text(encoding="utf-8"))
    tokens = Path("roles/nginx/tasks/configure.yml").read_text(encoding="utf-8")

    assert Machine().application == f"127.0.0.1:{web['web_main_port']}"
    assert f"'{Machine().tokens}/' ~ auth ~ '.map'" in tokens


@pytest.mark.parametrize(
    ("template", "expression"),
    [("/stocks/{id}/put", "^/stocks/[0-9]+/put$"), ("/a", "^/a$"), ("/a-b/C_d/{x_y}", "^/a-b/C_d/[0-9]+$")],
)
def test_canonical(template: str, expression: str) -> None:
    assert canonical(template) == expression


@pytest.mark.parametrize(
    "path", ["stocks", "/", "/a/", "//a", "/a b", "/a.b", "/a/../b", "/{id", "/a{id}", "/a?b", "/ä"]
)
def test_server_config_path_that_cannot_be_exact_is_refused(path: str) -> None:
    with pytest.raises(UserError, match="matched exactly"):
        server_config(changed(loopback_model(), path=path), "web1")


def test_server_config_auth_that_is_no_file_name_is_refused() -> None:
    with pytest.raises(UserError, match="name of the file"):
        server_config(changed(loopback_model(), auth="../token"), "web1")


@pytest.mark.parametrize("name", ["a b", "*.example.org", "Example.org", "a;b", "", "~^.*$"])
def test_server_config_public_name_that_is_none_is_refused(name: str) -> None:
    model = loopback_model()
    with pytest.raises(UserError, match="public name"):
        server_config(replace(model, fleet=replace(model.fleet, public_names=(name,))), "web1")


def test_server_config_gixy_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / "callback-token.map").write_text('"~^Bearer x$" 1;\n', encoding="ascii")
    written = tmp_path / "nginx.conf"
    written.write_text(compiled(loopback_model()).replace("/etc/sallyport/nginx", str(tmp_path)), encoding="utf-8")
    program = Path(sys.executable).with_name("gixy")
    done = subprocess.run([program, "-f", "json", written], capture_output=True, text=True, check=False)

    assert json.loads(done.stdout) == [], done.stderr
