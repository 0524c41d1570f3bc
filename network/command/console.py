"""What the commands print: stages with their hosts and elapsed time, and where the time went."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from network.lab.progress import Progress


class Console:
    """Prints progress: one line each, ``[mm:ss] stage  subject  text``. Several threads may call it."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._lock = threading.Lock()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[Progress]:
        """Begin a stage of the work; gives what its steps report to, and keeps the time it takes."""
        began = time.monotonic()

        def progress(subject: str, text: str) -> None:
            self.say(f"{name:<10} {subject:<12} {text}")

        try:
            yield progress
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began

    def say(self, line: str) -> None:
        """Print one line with the time since the start."""
        elapsed = int(time.monotonic() - self._start)
        with self._lock:
            print(f"[{elapsed // 60:02}:{elapsed % 60:02}] {line}", flush=True)

    def times(self, parts: Mapping[str, Mapping[str, float]]) -> list[str]:
        """Return the table of where the time went; `parts` are what a stage's time is made of."""
        rows = []
        for name, seconds in self.seconds.items():
            rows.append((name, seconds))
            rows += [(f"  {part}", share) for part, share in parts.get(name, {}).items()]
        rows.append(("all", time.monotonic() - self._start))
        width = max(len(name) for name, _ in rows)
        return [f"{name:<{width}} {seconds:7.1f} s" for name, seconds in rows]
