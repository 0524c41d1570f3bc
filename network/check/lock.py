"""One run at a time looks at a fleet by changing it: two would mend each other's temporary changes."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(state: Path) -> Iterator[None]:
    """Wait until no other run checks the environment whose state lies in this directory, and keep others waiting."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "checks.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
