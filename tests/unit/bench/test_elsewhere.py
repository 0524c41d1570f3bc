import sys

import pytest

from network.errors import UserError
from tests.bench import elsewhere


@pytest.mark.parametrize(
    ("python", "module", "found"),
    [
        ("no/such/python", "this", "the services' environment is missing"),
        (sys.executable, "no_such_module", "No module named no_such_module"),
        (sys.executable, "this", "not figures but 'The Zen of Python"),
    ],
)
def test_what_measures_nothing_is_said(monkeypatch: pytest.MonkeyPatch, python: str, module: str, found: str) -> None:
    monkeypatch.setattr(elsewhere, "PYTHON", python)
    with pytest.raises(UserError, match=found):
        elsewhere.measured(module)
