import subprocess
import sys
from collections import defaultdict
from importlib.metadata import distributions
from pathlib import Path

import pytest

from network.environment import SetupError, pinned, uv_settings

ROOT = Path(__file__).resolve().parents[3]


def test_uv_is_pinned_with_hashes_by_the_lock_file() -> None:
    line = pinned((ROOT / "uv.lock").read_text(), "uv")
    name, *hashes = line.split()
    assert name.startswith("uv==")
    assert hashes
    assert all(word.startswith("--hash=sha256:") for word in hashes)


def test_package_that_is_not_locked_refused() -> None:
    with pytest.raises(SetupError, match="does not name"):
        pinned('[[package]]\nname = "a"\nversion = "1"\n', "b")


def test_pips_settings_hold_for_uv() -> None:
    pip = {"global.index-url": "https://index.example/simple", ":env:.cert": "/ca.pem", "global.timeout": "60"}
    assert uv_settings(pip, {}) == {"UV_DEFAULT_INDEX": "https://index.example/simple", "SSL_CERT_FILE": "/ca.pem"}


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_what_the_user_set_for_uv_comes_first(name: str) -> None:
    assert uv_settings({"global.index-url": "https://index.example/simple"}, {name: "https://own.example"}) == {}


def test_launcher_is_shell_and_setup_needs_the_standard_library_only() -> None:
    subprocess.run(["sh", "-n", ROOT / "sallyport"], check=True)
    script = "import sys; sys.path.insert(0, sys.argv[1]); import environment"
    subprocess.run([sys.executable, "-S", "-I", "-c", script, ROOT / "network"], check=True)


def test_no_two_packages_bring_the_same_file() -> None:
    # Which of them wins would be chance: crossplane and its successor ngxparse once raced for one module.
    owners = defaultdict(set)
    for distribution in distributions():
        for file in distribution.files or ():
            owners[str(file)].add(distribution.name)
    assert {file: names for file, names in owners.items() if len(names) > 1} == {}
