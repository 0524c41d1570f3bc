"""Long fuzzing and tests that need a kernel to load rules into stay out of the default run."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: long fuzzing; run with -m slow")
    config.addinivalue_line(
        "markers", "kernel: loads rules into network namespaces, which needs root; run with -m kernel"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.markexpr:
        return
    kept = [item for item in items if not {"slow", "kernel"} & {mark.name for mark in item.iter_markers()}]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
