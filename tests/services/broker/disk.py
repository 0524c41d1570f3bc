"""A disk of our own that can be filled: a file system in memory, mounted for one test."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def small(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system of this size. Only root may."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def filled(folder: Path, *, but: int) -> Iterator[None]:
    """Take all the room that is left, but so many megabytes, and give it back."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        block = bytes(65536)
        with suppress(OSError):
            while not but or shutil.disk_usage(folder).free > but * 2**20:
                file.write(block)
    try:
        yield
    finally:
        ballast.unlink()
