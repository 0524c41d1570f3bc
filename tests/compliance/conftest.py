import pytest

from tests.fleet import alone, expectations, facts, model, nonce, shells, state

__all__ = ["alone", "expectations", "facts", "model", "nonce", "shells", "state"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "control(id): the control that a test shows; see docs/compliance.md")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say when nothing was tested: an empty run is no pass."""
    if not terminalreporter.stats.get("passed") and not terminalreporter.stats.get("failed"):
        terminalreporter.write_line("No control was tested.")
