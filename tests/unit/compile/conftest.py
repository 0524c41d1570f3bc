"""What the tests of the compiler share: models from files, and the expected texts beside them.

``python -m pytest tests/unit/compile --regenerate`` writes the expected texts anew; then read the difference.
Tests marked needs_root load rules into network namespaces of their own; without root they are skipped.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from network.model import Model
from network.read import files, model_of

ROOT = Path(__file__).parents[3]
# The mirrors are found on each machine anew; these stand for them.
MIRRORS = b"network_externals_found: {package-mirrors: {mirror.example.org: [198.51.100.10, 203.0.113.10]}}\n"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate", action="store_true", help="write the expected texts of the compiler anew")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs_root: loads rules into network namespaces, which only root may make")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() != 0:
        for item in items:
            if item.get_closest_marker("needs_root"):
                item.add_marker(pytest.mark.skip(reason="only root may make network namespaces"))


@pytest.fixture(scope="session")
def lab() -> Model:
    """Return the lab of the repository, with mirrors that are the same on every machine."""
    inventory = files.inventory(ROOT / "inventory/lab")
    inventory["group_vars/all/machine.yml"] = MIRRORS
    name, content = files.policy(ROOT / "network/policy.yml")
    return model_of(name, content, "inventory/lab", inventory)


@pytest.fixture
def expect(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compare a text with the file that holds what is expected, or write that file."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("regenerate"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.exists(), f"{path} is missing: see tests/unit/compile/conftest.py"
        assert text == path.read_text()

    return compare
