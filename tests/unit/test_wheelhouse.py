"""The builder of the wheelhouse: what names a release, and what of the lock file it takes."""

import tarfile
from pathlib import Path

import pytest

from tests.unit.deployed import deployed

builder = deployed("roles/python_service/files/build_wheelhouse.py")
TARGET = builder.Target("3.11", "x86_64", 36)


@pytest.fixture
def services(tmp_path: Path) -> Path:
    (tmp_path / "main").mkdir()
    (tmp_path / "uv.lock").write_text("locked")
    (tmp_path / "main/app.py").write_text("code")
    return tmp_path


def test_same_source_is_the_same_release(services: Path) -> None:
    before = builder.release_id(services, TARGET)
    for litter in ("main/__pycache__/app.pyc", ".venv/bin/python", "dist/x.whl", ".mypy_cache/x"):
        (services / litter).parent.mkdir(parents=True)
        (services / litter).write_text("litter")
    assert builder.release_id(services, TARGET) == before


@pytest.mark.parametrize(
    ("path", "text"), [("uv.lock", "other"), ("main/app.py", "other"), ("main/new.py", ""), ("main/app.sql", "code")]
)
def test_other_source_is_another_release(services: Path, path: str, text: str) -> None:
    before = builder.release_id(services, TARGET)
    (services / path).write_text(text)
    assert builder.release_id(services, TARGET) != before


def test_content_cannot_move_between_files_unseen(services: Path) -> None:
    before = builder.release_id(services, TARGET)
    (services / "main/app.py").rename(services / "main/app2.py")
    assert builder.release_id(services, TARGET) != before


def test_other_target_is_another_release(services: Path) -> None:
    assert builder.release_id(services, TARGET) != builder.release_id(services, builder.Target("3.11", "aarch64", 36))


def test_markers_are_evaluated_for_the_hosts_not_for_the_control_node() -> None:
    exported = """\
# a comment
alpha==1.0 ; sys_platform == 'linux' \\
    --hash=sha256:aa \\
    --hash=sha256:bb
beta==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:cc
gamma[extra]==3.0 ; python_full_version < '3.12' \\
    --hash=sha256:dd
delta==4.0 ; python_version >= '3.13' \\
    --hash=sha256:ee
"""
    assert builder.for_target(exported, TARGET) == (
        "alpha==1.0 --hash=sha256:aa --hash=sha256:bb\ngamma==3.0 --hash=sha256:dd\n"
    )


def test_newest_platforms_come_first() -> None:
    platforms = TARGET.platforms()
    assert platforms[0] == "manylinux_2_36_x86_64"
    assert "manylinux2014_x86_64" in platforms


def test_archive_depends_on_its_members_only(tmp_path: Path) -> None:
    (tmp_path / "uv").write_text("program")
    for name in ("one", "two"):
        builder.pack(tmp_path / name, {"uv": tmp_path / "uv", "requirements.txt": b"text"})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with tarfile.open(tmp_path / "one") as archive:
        assert [(member.name, member.mode) for member in archive] == [("requirements.txt", 0o644), ("uv", 0o755)]


def test_newest_archives_stay(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.tar.gz").touch()
    builder.forget_old(tmp_path, keep=2)
    assert len(list(tmp_path.glob("*.tar.gz"))) == 2
