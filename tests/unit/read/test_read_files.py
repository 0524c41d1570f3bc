"""What is read from the disk, and what is said when it cannot be."""

from pathlib import Path

import pytest

from network.errors import UserError
from network.read import concerns, load
from tests.unit.read.environment import HERE

BASE = HERE / "base"


def problem(policy: Path, inventory: Path) -> str:
    with pytest.raises(UserError) as caught:
        load(policy, inventory)
    return str(caught.value)


def test_base_read_from_disk() -> None:
    # The base keeps its policy beside the inventory, and a policy is no inventory.
    with pytest.raises(UserError, match="group version"):
        load(BASE / "policy.yml", BASE)


def copy(tmp_path: Path, name: str = "inventory") -> Path:
    inventory = tmp_path / name
    (inventory / "group_vars/all").mkdir(parents=True)
    for file in ("hosts.yml", "group_vars/all/network.yml"):
        (inventory / file).write_bytes((BASE / file).read_bytes())
    return inventory


def test_inventory_read_from_disk(tmp_path: Path) -> None:
    inventory = copy(tmp_path)
    (inventory / "README.md").write_text("not an inventory")
    (inventory / "host_vars").mkdir()
    (inventory / "host_vars/web1.yml").write_text("anything: goes\n")
    assert list(load(BASE / "policy.yml", inventory).fleet.hosts) == ["edge1", "core1", "web1", "db1", "bastion1"]


def test_directory_of_variables_hides_the_file_as_in_ansible(tmp_path: Path) -> None:
    inventory = copy(tmp_path)
    (inventory / "group_vars/all.yml").write_text("network_nonsense: 1\n")
    load(BASE / "policy.yml", inventory)


def test_one_file_of_variables(tmp_path: Path) -> None:
    inventory = copy(tmp_path)
    content = (inventory / "group_vars/all/network.yml").read_bytes()
    (inventory / "group_vars/all/network.yml").unlink()
    (inventory / "group_vars/all").rmdir()
    (inventory / "group_vars/all.yaml").write_bytes(content)
    load(BASE / "policy.yml", inventory)


def test_no_policy(tmp_path: Path) -> None:
    said = problem(tmp_path / "policy.yml", copy(tmp_path))
    assert said.splitlines()[:2] == [f"{tmp_path}/policy.yml", "  found:  no such file or directory"]


def test_no_inventory(tmp_path: Path) -> None:
    assert "nothing there" in problem(BASE / "policy.yml", tmp_path / "missing")
    assert "a file" in problem(BASE / "policy.yml", BASE / "policy.yml")


def test_empty_inventory(tmp_path: Path) -> None:
    assert "no hosts.yml" in problem(BASE / "policy.yml", tmp_path)


@pytest.mark.parametrize("name", ["hosts.ini", "script.py", "nested/"])
def test_inventory_of_another_kind(tmp_path: Path, name: str) -> None:
    inventory = copy(tmp_path)
    (inventory / "nested").mkdir() if name == "nested/" else (inventory / name).write_text("[web]\n")
    assert "an inventory holds YAML files" in problem(BASE / "policy.yml", inventory)


def test_places_are_told_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inventory = copy(tmp_path)
    (inventory / "group_vars/all/network.yml").write_text("network_domain: 7up_\n")
    monkeypatch.chdir(tmp_path)
    assert "\ninventory/group_vars/all/network.yml:1\n" in "\n" + problem(BASE / "policy.yml", inventory)


def test_inventories_of_ours_are_told_from_others(tmp_path: Path) -> None:
    assert concerns(copy(tmp_path))
    assert not concerns(tmp_path / "missing")
    playbooks = tmp_path / "playbooks"
    playbooks.mkdir()
    (playbooks / "site.yml").write_text("- hosts: all\n  vars:\n    network_environment: lab\n")
    assert not concerns(playbooks)
    inline = tmp_path / "inline"
    inline.mkdir()
    (inline / "hosts.yml").write_text("all:\n  vars:\n    network_zones: {}\n")
    assert concerns(inline)
