"""Logs: JSON lines that hold what was named, and nothing else."""

import json
import logging

import pytest

from services.journal import new_correlation_id, use_correlation_id
from services.journal.lines import JsonLines


def line(message: str, **extra: object) -> dict[str, object]:
    record = logging.makeLogRecord({"name": "a.logger", "levelno": 20, "levelname": "INFO", "msg": message, **extra})
    formatted = JsonLines("main", "lab").format(record)
    assert "\n" not in formatted
    found = json.loads(formatted)
    assert isinstance(found, dict)
    return found


def test_a_line_holds_service_time_and_named_fields() -> None:
    with use_correlation_id("correlation-1"):
        found = line("two\nlines", job="j", elapsed_ms=1.5)
    found.pop("time")
    assert found == {
        "level": "info",
        "service": "main",
        "environment": "lab",
        "logger": "a.logger",
        "message": "two\nlines",
        "request_id": "correlation-1",
        "job": "j",
        "elapsed_ms": 1.5,
    }


def test_an_exception_stays_one_line() -> None:
    try:
        raise RuntimeError("why")
    except RuntimeError as error:
        found = line("failed", exc_info=(type(error), error, error.__traceback__))
    assert "RuntimeError: why" in str(found["exception"])


@pytest.mark.parametrize("offered", ["abcdefgh", "0123-4567_89.ab"])
def test_a_harmless_id_is_kept(offered: str) -> None:
    assert new_correlation_id(offered) == offered


@pytest.mark.parametrize(
    "offered", [None, "", "short", "x" * 65, "with blank in it", 'quote"quote', "line\nbreak", "ü" * 9]
)
def test_any_other_id_is_replaced(offered: str | None) -> None:
    made = new_correlation_id(offered)
    assert made != offered
    assert len(made) == 32
