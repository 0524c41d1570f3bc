from pathlib import Path

import pytest

from network.errors import UserError
from network.lab.blueprint import Port
from network.lab.settings import published


def read(tmp_path: Path, text: str) -> dict[str, Port]:
    path = tmp_path / "lab.yml"
    path.write_text(text)
    return published(path, "inventory/lab/group_vars/all/lab.yml")


def test_ports_by_name(tmp_path: Path) -> None:
    text = 'lab_publish: {ssh: {listen: "127.0.0.1:2222", port: 22}, https: {listen: "[::1]:8443", port: 443}}'
    assert read(tmp_path, text) == {"ssh": Port("127.0.0.1", 2222, 22), "https": Port("::1", 8443, 443)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lab_publish: {https: {listen: '127.0.0.1:8443', port: 443}}",
        "lab_publish: {ssh: {listen: '127.0.0.1', port: 22}}",
        "lab_publish: {ssh: {listen: 'localhost:2222', port: 22}}",
        "lab_publish: {ssh: {listen: '127.0.0.1:2222', port: 70000}}",
        "lab_publish: {ssh: {listen: '127.0.0.1:2222', prot: 22}}",
        "lab_publish: [",
    ],
)
def test_others_refused_with_the_files_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"^inventory/lab/group_vars/all/lab\.yml\n"):
        read(tmp_path, text)


def test_missing_file_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lab_publish"):
        published(tmp_path / "none.yml", "lab.yml")
