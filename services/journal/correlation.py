"""The request id that one deed carries through every service (header X-Request-ID)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

HEADER = "X-Request-ID"

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")
_current: ContextVar[str] = ContextVar("correlation_id", default="")


def new_correlation_id(offered: str | None = None) -> str:
    """The offered id where it is harmless to log and to pass on, else a new one."""
    if offered and _ACCEPTED.fullmatch(offered):
        return offered
    return uuid4().hex


def correlation_id() -> str:
    """The id of what is being done now; empty outside of any deed."""
    return _current.get()


@contextmanager
def use_correlation_id(value: str) -> Iterator[None]:
    token = _current.set(value)
    try:
        yield
    finally:
        _current.reset(token)
