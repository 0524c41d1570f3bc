"""A root shell on a host, over the SSH connection that the environment's configuration shares."""

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from network.check.shell import Completed

_SECONDS = 180


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
