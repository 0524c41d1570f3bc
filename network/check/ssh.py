"""A root shell on a host, over the SSH connection that the environment's configuration shares."""

import shlex
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from network.check.shell import Completed, Shell

_SECONDS = 180
_AT_ONCE = 16


@dataclass
class SshShell:
    """A host that runs commands as root. `name` is the inventory's."""

    name: str
    ssh_config: Path

    def run(self, command: str, given: str | None = None) -> Completed:
        """Run a shell command. What does not answer in time has status 124, what cannot be reached 255."""
        order = ["ssh", "-F", str(self.ssh_config), "-o", "BatchMode=yes", self.name]
        order.append(f"sudo -n /bin/sh -c {shlex.quote(command)}")
        try:
            done = subprocess.run(
                order, input=given or "", capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return Completed(124, "", f"no answer within {_SECONDS} s")
        return Completed(done.returncode, done.stdout, done.stderr)


def reachable(hosts: Iterable[str], ssh_config: Path) -> dict[str, Shell]:
    """Return a shell on each host that answers; strangers outside may be none of ours to log in to."""
    shells = {name: SshShell(name, ssh_config) for name in hosts}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answered = pool.map(lambda shell: shell.run("true").status == 0, shells.values())
        return {name: shell for (name, shell), good in zip(shells.items(), answered, strict=True) if good}
