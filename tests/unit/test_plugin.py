"""What Ansible itself makes of the inventory, and what the vars plugin adds or refuses. Runs Ansible's own programs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleError  # type: ignore[import-untyped]
from ansible.inventory.group import Group  # type: ignore[import-untyped]
from ansible.inventory.host import Host  # type: ignore[import-untyped]

from network.compile.variables import host_variables
from network.path import management_address
from network.plugin.sallyport import VarsModule
from network.read import load

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "inventory/lab"


def ansible(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name(program), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def listed() -> dict[str, Any]:
    done = ansible("ansible-inventory", "-i", LAB, "--list")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def plain(value: Any) -> Any:
    """Return a value without the marks that `ansible-inventory --list` puts on text that is no template."""
    if isinstance(value, dict):
        return value["__ansible_unsafe"] if "__ansible_unsafe" in value else {key: plain(value[key]) for key in value}
    return [plain(item) for item in value] if isinstance(value, list) else value


def members(listed: dict[str, Any], group: str) -> set[str]:
    given = listed.get(group, {})
    return {*given.get("hosts", ()), *(host for child in given.get("children", ()) for host in members(listed, child))}


def test_hosts_groups_and_legs_are_those_that_ansible_reads(listed: dict[str, Any]) -> None:
    fleet = load(ROOT / "network/policy.yml", LAB).fleet
    assert set(fleet.hosts) == members(listed, "all")
    # Ansible leaves groups without hosts out of its list.
    assert {group: set(hosts) for group, hosts in fleet.groups.items() if hosts} == {
        group: members(listed, group) for group in listed if group not in ("_meta", "all", "ungrouped")
    }
    for host in fleet.hosts.values():
        assert host.groups == {group for group in fleet.groups if host.name in members(listed, group)}
        legs = plain(listed["_meta"]["hostvars"][host.name]["legs"])
        assert legs == {leg.zone: str(leg.address) for leg in host.legs}


def test_plugin_gives_every_host_its_variables(listed: dict[str, Any]) -> None:
    model = load(ROOT / "network/policy.yml", LAB)
    for host in model.fleet.hosts.values():
        given = plain(listed["_meta"]["hostvars"][host.name])
        expected = json.loads(json.dumps(host_variables(model, host.name)))
        assert {name: given.get(name) for name in expected} == expected
        assert given["ansible_host"] == str(management_address(model, host))


def test_a_wrong_environment_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory"
    shutil.copytree(LAB, inventory)
    hosts = inventory / "hosts.yml"
    hosts.write_text(hosts.read_text().replace("192.168.57.10", "192.168.58.99"))
    playbook = tmp_path / "playbook.yml"
    playbook.write_text(
        "- hosts: localhost, db1\n  connection: local\n  gather_facts: false\n"
        f"  tasks: [{{ansible.builtin.command: touch {tmp_path}/touched}}]\n"
    )
    done = ansible("ansible-playbook", "-i", inventory, "--limit", "localhost,db1", playbook)
    assert done.returncode != 0
    assert "192.168.58.99 as the address of web1 in dmz" in done.stderr
    assert "remedy: Correct the address, or the zone of the leg." in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "touched").exists()
    assert "TASK" not in done.stdout


def test_groups_have_no_variables_and_hosts_of_elsewhere_neither() -> None:
    plugin = VarsModule()
    assert plugin.get_vars(None, str(LAB), [Group("fleet"), Host("localhost")]) == {}
    assert plugin.get_vars(None, str(LAB), Host("web1"))["sallyport_zone"] == "dmz"


def test_other_inventories_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("all: {hosts: {web1: {legs: 2}}}\n")
    assert VarsModule().get_vars(None, str(tmp_path), [Host("web1")]) == {}


def test_refusal_is_the_same_every_time(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("all: {vars: {network_zones: {}}, hosts: {web1: }}\n")
    for _ in range(2):
        with pytest.raises(AnsibleError, match="host web1 without legs"):
            VarsModule().get_vars(None, str(tmp_path), [Host("web1")])


def test_another_policy_is_read_where_the_environment_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inventory, policy = tmp_path / "inventory", tmp_path / "policy.yml"
    shutil.copytree(LAB, inventory)
    policy.write_text((ROOT / "network/policy.yml").read_text().replace("callback: tcp/8444", "callback: tcp/8445"))
    monkeypatch.setenv("SALLYPORT_POLICY", str(policy))
    given = VarsModule().get_vars(None, str(inventory), Host("web1"))
    assert given["sallyport_policy"] == str(policy)
    assert 8445 in {flow["port"] for flow in given["sallyport_flows_in"]}
