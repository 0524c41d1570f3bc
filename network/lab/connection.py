"""How the control node reaches the hosts: the operator's key, the hosts' keys, one ssh configuration for all.

Nothing is trusted at first sight: the hosts' keys are read from the containers themselves. Connections are shared
(ControlMaster), so a command costs milliseconds once the first has been made.
"""

import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from network.lab import program
from network.lab.blueprint import Port, container_name
from network.lab.settings import ROAD
from network.lab.state import State
from network.model import Host, Model
from network.path import management_address

OPERATOR = "operator"
"""The account that operators and Ansible use on every host."""

_PERSIST_SECONDS = 600
_LOGIN_SECONDS = 45
_AT_ONCE = 5


def ssh_config(model: Model, state: State, jump: Host, door: Port) -> str:
    """Return the text of the ssh configuration. Each host answers to its name and to its management address."""
    blocks = [_block(jump.name, str(management_address(model, jump)), door.address, door.port, None)]
    blocks += [
        _block(host.name, address, address, None, jump.name)
        for host in model.fleet.hosts.values()
        if host.name != jump.name
        for address in (str(management_address(model, host)),)
    ]
    common = [
        "Host *",
        f"    User {OPERATOR}",
        f"    IdentityFile {_quoted(state.key)}",
        "    IdentitiesOnly yes",
        "    PreferredAuthentications publickey",
        f"    UserKnownHostsFile {_quoted(state.known_hosts)}",
        "    GlobalKnownHostsFile none",
        "    StrictHostKeyChecking yes",
        "    UpdateHostKeys no",
        "    ControlMaster auto",
        f"    ControlPath {_quoted(state.control / '%h')}",
        f"    ControlPersist {_PERSIST_SECONDS}",
        "    ServerAliveInterval 5",
        "    ServerAliveCountMax 6",
        "    ConnectTimeout 15",
        "    LogLevel ERROR",
        "",
    ]
    return "# Written by `sallyport up`.\n" + "\n".join([*blocks, *common])


def known_hosts(keys: Mapping[str, str]) -> str:
    """Return the text of the known-hosts file from each host's public key line."""
    return "".join(f"{host} {' '.join(key.split()[:2])}\n" for host, key in sorted(keys.items()))


def ensure_key(state: State) -> str:
    """Return the operator's public key; make the pair first where there is none. Raises UserError."""
    state.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    state.home.chmod(0o700)
    if not state.key.exists() or not state.public_key.exists():
        state.key.unlink(missing_ok=True)
        state.public_key.unlink(missing_ok=True)
        program.run(
            (
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                f"sallyport-{state.environment}",
                "-f",
                str(state.key),
            ),
            doing="make the operator's SSH key",
        )
    return state.public_key.read_text().strip()


def write(model: Model, state: State, jump: Host, ports: Mapping[str, Port], keys: Mapping[str, str]) -> None:
    """Write the connection files; `keys` are the hosts' public keys."""
    state.control.mkdir(mode=0o700, parents=True, exist_ok=True)
    state.known_hosts.write_text(known_hosts(keys))
    state.ssh_config.write_text(ssh_config(model, state, jump, ports[ROAD]))


def reach(model: Model, state: State, jump: Host) -> int:
    """Log in to every host, the jump host first, and return how many there are. Raises UserError."""

    def one(host: str) -> None:
        program.run(
            ("ssh", "-F", str(state.ssh_config), "-o", "BatchMode=yes", host, "true"),
            doing=f"log in to {host}",
            timeout=_LOGIN_SECONDS,
            remedy=f"look at the host from within: docker exec -it {container_name(host)} bash",
        )

    # The others share its connection.
    one(jump.name)
    others = [host for host in model.fleet.hosts if host != jump.name]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for future in [pool.submit(one, host) for host in others]:
            future.result()
    return len(others) + 1


def close(state: State) -> None:
    """End the shared connections, those of the hosts behind the jump host too."""
    for socket in sorted(state.control.glob("*")) if state.control.is_dir() else ():
        subprocess.run(
            ("ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "exit", "any"),
            capture_output=True,
            check=False,
            timeout=_LOGIN_SECONDS,
        )
        socket.unlink(missing_ok=True)


def _block(name: str, address: str, target: str, port: int | None, jump: str | None) -> str:
    lines = [f"Host {name} {address}", f"    HostName {target}", f"    HostKeyAlias {name}"]
    if port is not None:
        lines.append(f"    Port {port}")
    if jump is not None:
        lines.append(f"    ProxyJump {jump}")
    return "\n".join([*lines, ""])


def _quoted(path: Path) -> str:
    """Return a path as ssh_config wants it: blanks need quotes, and per cent signs are tokens."""
    text = str(path)
    head, _, last = text.rpartition("/")
    text = f"{head.replace('%', '%%')}/{last}" if last == "%h" else text.replace("%", "%%")
    return f'"{text}"'
