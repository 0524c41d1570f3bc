"""Where the control node keeps what belongs to one environment: keys, logs, connection files."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

# A Unix socket's path is at most 107 bytes; ssh appends 17 while it makes one, and the address is at most 39 long.
_LONGEST_CONTROL_DIRECTORY = 107 - 17 - 39 - 1


@dataclass(frozen=True)
class State:
    """The files of one environment on the control node. None is in version control."""

    root: Path
    environment: str

    @property
    def home(self) -> Path:
        """Everything that can be thrown away with the environment."""
        return self.root / ".sallyport" / self.environment

    @property
    def key(self) -> Path:
        """The operator's private SSH key."""
        return self.home / "id_ed25519"

    @property
    def public_key(self) -> Path:
        """The operator's public SSH key."""
        return self.home / "id_ed25519.pub"

    @property
    def ssh_config(self) -> Path:
        """How to reach each host, for ssh, Ansible and the checks alike."""
        return self.home / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        """The hosts' keys, read from the hosts themselves."""
        return self.home / "known_hosts"

    @property
    def log(self) -> Path:
        """The folder of logs."""
        return self.home / "log"

    @property
    def control(self) -> Path:
        """The folder of ssh's control sockets: in the state where its path is short enough, else in /tmp."""
        inside = self.home / "ctl"
        if len(os.fsencode(inside)) <= _LONGEST_CONTROL_DIRECTORY:
            return inside
        digest = hashlib.sha256(os.fsencode(inside)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"sallyport-{os.getuid()}-{digest}"

    @property
    def inventory(self) -> Path:
        """The environment's inventory."""
        return self.root / "inventory" / self.environment

    @property
    def machine_variables(self) -> Path:
        """Variables that only this machine can know."""
        return self.inventory / "group_vars" / "all" / "machine.yml"
