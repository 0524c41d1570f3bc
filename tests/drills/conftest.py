import pytest

from tests.fleet import alone, expectations, facts, model, nonce, shells, show_no_arguments, state
from tests.journeys.conftest import caller, creator, database, web, worker

__all__ = [
    "alone",
    "caller",
    "creator",
    "database",
    "expectations",
    "facts",
    "model",
    "nonce",
    "shells",
    "state",
    "web",
    "worker",
]


def pytest_configure(config: pytest.Config) -> None:
    show_no_arguments(config)
    config.addinivalue_line("markers", "control(id): the control that a drill breaks; see docs/compliance.md")
