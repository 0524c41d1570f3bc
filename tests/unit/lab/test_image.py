import os
import tarfile
from io import BytesIO
from pathlib import Path

from network.lab import image


def recipe(folder: Path) -> Path:
    (folder / "files").mkdir()
    (folder / "packages").write_text("systemd\n")
    (folder / "files" / "unit").write_text("[Unit]\n")
    return folder


def test_tag_is_the_same_for_the_same_recipe(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert image.tag(recipe(tmp_path / "a")) == image.tag(recipe(tmp_path / "b"))


def test_tag_changes_with_content_name_permission_and_link(tmp_path: Path) -> None:
    folder = recipe(tmp_path)
    tags = [image.tag(folder)]
    (folder / "packages").write_text("systemd\ndbus\n")
    tags.append(image.tag(folder))
    (folder / "files" / "unit").chmod(0o755)
    tags.append(image.tag(folder))
    (folder / "files" / "unit").rename(folder / "files" / "other")
    tags.append(image.tag(folder))
    (folder / "files" / "link").symlink_to("other")
    tags.append(image.tag(folder))
    assert len(set(tags)) == len(tags)


def test_archive_belongs_to_root_and_keeps_what_is_executable() -> None:
    with tarfile.open(fileobj=BytesIO(image.archive())) as packed:
        members = {os.path.normpath(member.name): member for member in packed.getmembers()}
    assert {(member.uid, member.gid) for member in members.values()} == {(0, 0)}
    assert members["usr/local/lib/sallyport/lab-early"].mode == 0o755
    assert members["etc/sudoers.d/operator"].mode == 0o644
    assert members["etc/systemd/system/sysinit.target.wants/sallyport-lab-early.service"].issym()
    assert {"packages", "setup"} <= set(members)
