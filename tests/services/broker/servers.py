"""Real brokers of our own: short-lived, on loopback ports, with TLS and accounts as on the hosts."""

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from services.broker import BrokerSettings, Kind
from services.settings import Secret
from tests.services.certificates import Certificates
from tests.services.ports import free_port

USER = "sallyport"
PASSWORD = "the broker's password"  # noqa: S105 - of a server that lives for a minute
START_SECONDS = 60.0


class Server(Protocol):
    """A broker that can be killed and started again with what it kept on disk."""

    settings: BrokerSettings

    def start(self) -> None: ...

    def kill(self) -> None: ...


@dataclass
class _Process:
    """One process group, its output in a file."""

    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self, command: list[str], environment: dict[str, str], ready: Callable[[], bool]) -> None:
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{command[0]} does not run:\n{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None


def listening(port: int) -> bool:
    """Whether something on loopback takes a connection."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class RabbitServer:
    """rabbitmq-server as root would run it in a folder of its own, with a distribution port of its own."""

    home: Path
    certificates: Certificates
    settings: BrokerSettings = field(init=False)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        self.settings = BrokerSettings(
            Kind.RABBITMQ, "localhost", free_port(), USER, Secret(PASSWORD), self.certificates.ca
        )
        self._mapper, self._distribution = free_port(), free_port()
        self._process = _Process(self.home / "log")
        (self.home / ".erlang.cookie").write_text("thecookieofthetests")
        (self.home / ".erlang.cookie").chmod(0o400)
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        definitions = {
            "vhosts": [{"name": "sallyport"}],
            "users": [
                {
                    "name": USER,
                    "password_hash": _rabbit_hash(PASSWORD),
                    "hashing_algorithm": "rabbit_password_hashing_sha256",
                    "tags": "",
                }
            ],
            "permissions": [{"user": USER, "vhost": "sallyport", **everything}],
        }
        (self.home / "definitions.json").write_text(json.dumps(definitions))
        lines = [
            "listeners.tcp = none",
            f"listeners.ssl.1 = 127.0.0.1:{self.settings.port}",
            f"ssl_options.cacertfile = {self.certificates.ca}",
            f"ssl_options.certfile = {self.certificates.certificate}",
            f"ssl_options.keyfile = {self.certificates.key}",
            f"load_definitions = {self.home}/definitions.json",
            "disk_free_limit.absolute = 50MB",
            "log.console = true",
            "log.console.level = warning",
            "log.file = false",
        ]
        (self.home / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
        (self.home / "enabled_plugins").write_text("[].\n")

    def start(self) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "RABBITMQ_NODENAME": f"sallyport{self.settings.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "ERL_EPMD_PORT": str(self._mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(self.home / "data"),
            "RABBITMQ_LOG_BASE": str(self.home / "logs"),
            "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.home / "pid"),
            # Two schedulers that sleep when idle: the tests share a small machine.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none +S 2:2",
            "LANG": "C.UTF-8",
        }
        self._process.start(
            ["/usr/lib/rabbitmq/bin/rabbitmq-server"], environment, lambda: listening(self.settings.port)
        )

    def kill(self) -> None:
        self._process.kill()


@dataclass
class RedisServer:
    """redis-server with an append-only file that is flushed at each write."""

    home: Path
    certificates: Certificates
    settings: BrokerSettings = field(init=False)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        self.settings = BrokerSettings(
            Kind.REDIS, "localhost", free_port(), USER, Secret(PASSWORD), self.certificates.ca
        )
        self._process = _Process(self.home / "log")
        digest = hashlib.sha256(PASSWORD.encode()).hexdigest()
        lines = [
            "port 0",
            f"tls-port {self.settings.port}",
            "bind 127.0.0.1",
            f"tls-cert-file {self.certificates.certificate}",
            f"tls-key-file {self.certificates.key}",
            f"tls-ca-cert-file {self.certificates.ca}",
            "tls-auth-clients no",
            "user default off",
            f"user {USER} on #{digest} ~* &* +@all",
            "appendonly yes",
            "appendfsync always",
            'save ""',
            "maxmemory-policy noeviction",
            f"dir {self.home}",
        ]
        (self.home / "redis.conf").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        program = shutil.which("redis-server") or "/usr/bin/redis-server"
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        self._process.start(
            [program, str(self.home / "redis.conf")], environment, lambda: listening(self.settings.port)
        )

    def kill(self) -> None:
        self._process.kill()


def _rabbit_hash(password: str) -> str:
    salt = os.urandom(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
