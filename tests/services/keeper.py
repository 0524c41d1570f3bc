"""The part of systemd that keeps a unit's listening socket over restarts (FileDescriptorStoreMax=1)."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Keeper:
    """Where services tell what to keep, and what is kept. told: each message so far."""

    told_at: socket.socket
    address: str
    kept: list[int] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def look(self) -> None:
        """Take what was sent since the last look."""
        while True:
            try:
                text, descriptors, _, __ = socket.recv_fds(self.told_at, 4096, 4)
            except BlockingIOError:
                return
            self.told.append(text.decode())
            if "FDSTOREREMOVE=1" in self.told[-1].split():
                self.let_go()
            self.kept += descriptors

    def let_go(self) -> None:
        """Keep nothing any more, as systemd does once a unit is stopped for good."""
        for descriptor in self.kept:
            os.close(descriptor)
        self.kept.clear()

    def handing(self, command: list[str]) -> tuple[list[str], dict[str, str], list[int]]:
        """The command with what is kept, its environment, and the descriptors that it must be given."""
        self.look()
        environment = {"NOTIFY_SOCKET": self.address}
        if not self.kept:
            return command, environment, []
        (descriptor,) = self.kept
        # The process's own id is known to itself only.
        shell = f'exec 3<&{descriptor}; exec env LISTEN_PID=$$ "$@"'
        return ["bash", "-c", shell, "-", *command], environment | {"LISTEN_FDS": "1"}, [descriptor]


@contextmanager
def keeping(folder: Path) -> Iterator[Keeper]:
    address = str(folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told_at:
        told_at.bind(address)
        told_at.setblocking(False)
        keeper = Keeper(told_at, address)
        yield keeper
        keeper.look()
        keeper.let_go()
