"""The services as the units run them: real processes, settings in the environment, secrets in files."""

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import httpx

from services.broker import BrokerSettings
from tests.services.certificates import Certificates
from tests.services.cluster import Cluster, app_users
from tests.services.keeper import Keeper
from tests.services.ports import free_port

T = TypeVar("T")

SECRETS = {
    "callback_token": "the callback token of the tests",
    "callback_token_previous": "the callback token before this one",
    "callback_signing_key": "the signing key of the tests, long enough",
    "set_status_token": "the set-status token of the tests",
    "session_key": "the session key of the tests",
    "provider_password": "the-provider-password",
    "broker_password": "the broker's password",
    "gateway_token": "the gateway token of the tests",
    "smtp_password": "the-provider-password",
    "telegram_token": "the-provider-password",
    "vk_token": "the-provider-password",
}


def eventually(probe: Callable[[], T | None], within: float = 30.0, what: str = "it") -> T:
    """What `probe` gives, as soon as it gives something true."""
    deadline = monotonic() + within
    while True:
        found = probe()
        if found:
            return found
        assert monotonic() < deadline, f"{what} did not happen within {within:g} s"
        sleep(0.02)


def reaching(broker: BrokerSettings) -> dict[str, str]:
    """The settings by which a service reaches a broker."""
    return {
        "SP_BROKER_KIND": broker.kind.value,
        "SP_BROKER_HOST": broker.host,
        "SP_BROKER_PORT": str(broker.port),
        "SP_BROKER_USER": broker.user,
    }


@dataclass
class Service:
    """One process. `log` is its standard output, `errors` its standard error. keeper: of its listening socket."""

    module: str
    environment: dict[str, str]
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    keeper: Keeper | None = None

    @property
    def log(self) -> Path:
        return self.folder / "stdout"

    @property
    def errors(self) -> Path:
        return self.folder / "stderr"

    def start(self) -> None:
        assert self.process is None
        self.starts += 1
        command = [sys.executable, "-W", "error", "-m", self.module]
        command, more, passed = self.keeper.handing(command) if self.keeper else (command, {}, [])
        with self.log.open("ab") as log, self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                command,
                # Nothing of the surroundings gets in, above all no proxy.
                env={"PATH": os.environ["PATH"], **self.environment, **more},
                pass_fds=passed,
                cwd="/",
                stdout=log,
                stderr=errors,
            )

    def kill(self) -> None:
        """Kill -9: no time for anything."""
        self.stop(signal.SIGKILL)

    def stop(self, number: signal.Signals = signal.SIGTERM, within: float = 30.0) -> int:
        """Send a signal and wait for the end. The exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(within)
        self.process = None
        return code

    def wait_for(self, message: str, times: int = 1) -> None:
        """Wait for a line of the log."""
        self.alive_until(lambda: sum(line["message"] == message for line in self.lines()) >= times, message)

    def alive_until(self, probe: Callable[[], object], what: str) -> None:
        def checked() -> object:
            ended = self.process is None or self.process.poll() is not None
            assert not ended, f"{self.module} ended:\n{self.log.read_text()}\n{self.errors.read_text()}"
            return probe()

        eventually(checked, what=f"{self.module}: {what}")

    def lines(self) -> list[dict[str, Any]]:
        """The log, of all starts. A last line that is still being written is left out."""
        whole, _, __ = self.log.read_text("utf-8").rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]


@dataclass
class Launcher:
    """Starts services against databases of one cluster, and stops them all at its end."""

    cluster: Cluster
    certificates: Certificates
    folder: Path
    started: list[Service] = field(default_factory=list)
    clients: list[httpx.Client] = field(default_factory=list)

    def service(self, module: str, database: str = "", role: str = "", **settings: str) -> Service:
        """A service, not yet started."""
        folder = self.folder / f"{len(self.started)}-{module}"
        credentials = folder / "credentials"
        credentials.mkdir(parents=True)
        secrets = SECRETS | {
            "database_password": self.cluster.password,
            "app_users": app_users(),
            "tls_key": self.certificates.key.read_text("utf-8"),
        }
        for name, text in secrets.items():
            (credentials / name).write_text(text + "\n", "utf-8")
        environment = {
            "SP_ENVIRONMENT": "tests",
            "SP_DATABASE_HOST": "localhost",
            "SP_DATABASE_PORT": str(self.cluster.port),
            "SP_DATABASE_NAME": database,
            "SP_DATABASE_USER": role,
            "SP_CA_FILE": str(self.certificates.ca),
            "SP_TLS_CERT": str(self.certificates.certificate),
            "SP_CALLERS": "localhost",
            "CREDENTIALS_DIRECTORY": str(credentials),
        }
        service = Service(module, environment | settings, folder)
        self.started.append(service)
        return service

    def main(self, database: str, **settings: str) -> tuple[Service, str]:
        port = free_port()
        url = f"https://localhost:{port}"
        service = self.service(
            "services.main", database, "sp_main", SP_BIND_PORT=str(port), SP_PUBLIC_ORIGINS=url, **settings
        )
        return service, url

    def relay(self, database: str, status_url: str, **settings: str) -> Service:
        return self.service("services.main.relay", database, "sp_main", SP_STATUS_URL=status_url, **settings)

    def publisher(self, database: str, broker: BrokerSettings, **settings: str) -> Service:
        return self.service("services.main.publisher", database, "sp_main", **reaching(broker), **settings)

    def welcome(self, database: str, broker: BrokerSettings, **settings: str) -> Service:
        return self.service("services.gateway.welcome", database, "sp_gateway", **reaching(broker), **settings)

    def stats(self, database: str, broker: BrokerSettings, **settings: str) -> Service:
        return self.service("services.stats", database, "sp_stats", **reaching(broker), **settings)

    def status(self, database: str, callback_url: str, **settings: str) -> tuple[Service, str]:
        port = free_port()
        settings = {"SP_DEFER_SECONDS": "0.3", **settings}
        service = self.service(
            "services.status", database, "sp_status", SP_BIND_PORT=str(port), SP_CALLBACK_URL=callback_url, **settings
        )
        return service, f"https://localhost:{port}"

    def client(self, url: str, **headers: str) -> httpx.Client:
        """A client that trusts the tests' CA; closed at the end at the latest."""
        context = ssl.create_default_context(cafile=str(self.certificates.ca))
        client = httpx.Client(base_url=url, verify=context, headers=headers, trust_env=False, timeout=10.0)
        self.clients.append(client)
        return client

    def start(self, service: Service, url: str) -> None:
        """Start a service that serves HTTP, and wait until it is ready."""
        service.start()
        with self.client(url) as client:

            def ready() -> bool:
                try:
                    return client.get("/health/ready").status_code == 200
                except httpx.TransportError:
                    return False

            service.alive_until(ready, "ready")

    def stop_all(self) -> None:
        for client in self.clients:
            client.close()
        for service in self.started:
            if service.process is not None:
                service.kill()
