"""Real brokers of our own: short-lived, on loopback ports, with TLS and accounts as on the hosts."""

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import jinja2
import yaml

from services.broker import BrokerSettings, Kind
from services.broker.rabbitmq import VIRTUAL_HOST
from services.settings import Secret
from tests.services.certificates import Certificates
from tests.services.ports import free_port
from tests.services.processes import SECRETS

USER = "sallyport"
PASSWORD = SECRETS["broker_password"]
START_SECONDS = 60.0
# Seconds: shorter than on the hosts, for each killed consumer is waited for so long.
HOLD = 3.0
# Seconds. A RabbitMQ that is killed within them after it made a quorum queue loses that (docs/brokers.md).
QUEUE_ON_DISK = 4.0
ROOT = Path(__file__).resolve().parents[3]


class Server(Protocol):
    """A broker that can be killed and started again with what it kept on disk."""

    settings: BrokerSettings
    # A port of loopback where a relay may stand between client and broker, and the port it leads to.
    relay: tuple[int, int]

    @property
    def alive(self) -> bool: ...

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

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self, port: int) -> None:
        """Kill all of it, and return when nothing listens on its port any more."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            while listening(port):
                time.sleep(0.02)
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
    relay: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        self.settings = BrokerSettings(
            Kind.RABBITMQ, "localhost", free_port(), USER, Secret(PASSWORD), self.certificates.ca, HOLD
        )
        self.relay = (free_port(), self.settings.port)
        self._mapper, self._distribution = free_port(), free_port()
        self._process = _Process(self.home / "log")
        # Of our own, for the one that the server would start outlives it.
        self._names = _Process(self.home / "names")
        (self.home / ".erlang.cookie").write_text("thecookieofthetests")
        (self.home / ".erlang.cookie").chmod(0o400)
        (self.home / "definitions.json").write_text(_rabbit_users())
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
        names = ["epmd", "-port", str(self._mapper), "-address", "127.0.0.1"]
        self._names.start(names, {"PATH": os.environ["PATH"]}, lambda: listening(self._mapper))
        self._process.start(
            ["/usr/lib/rabbitmq/bin/rabbitmq-server"], environment, lambda: listening(self.settings.port)
        )

    @property
    def alive(self) -> bool:
        return self._process.alive

    def kill(self) -> None:
        self._process.kill(self.settings.port)
        self._names.kill(self._mapper)


@dataclass
class RedisServer:
    """redis-server with an append-only file that is flushed at each write."""

    home: Path
    certificates: Certificates
    settings: BrokerSettings = field(init=False)
    relay: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        self.settings = BrokerSettings(
            Kind.REDIS, "localhost", free_port(), USER, Secret(PASSWORD), self.certificates.ca, HOLD
        )
        self.relay = (free_port(), self.settings.port)
        self._process = _Process(self.home / "log")
        (self.home / "users.acl").write_text(_redis_users())
        lines = [
            "port 0",
            f"tls-port {self.settings.port}",
            "bind 127.0.0.1",
            f"tls-cert-file {self.certificates.certificate}",
            f"tls-key-file {self.certificates.key}",
            f"tls-ca-cert-file {self.certificates.ca}",
            "tls-auth-clients no",
            f"aclfile {self.home}/users.acl",
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

    @property
    def alive(self) -> bool:
        return self._process.alive

    def kill(self) -> None:
        self._process.kill(self.settings.port)


@dataclass
class KafkaServer:
    """One node in KRaft mode, from the jars that the role deploys; its client is the super user."""

    home: Path
    certificates: Certificates
    settings: BrokerSettings = field(init=False)
    relay: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        self.settings = BrokerSettings(
            Kind.KAFKA, "localhost", free_port(), USER, Secret(PASSWORD), self.certificates.ca, HOLD
        )
        # Its clients go on to the address that it advertises, so the relay has a listener of its own.
        self.relay = (free_port(), free_port())
        self._process = _Process(self.home / "log")
        controller = free_port()
        store = self.home / "keystore.pem"
        store.write_text(self.certificates.key.read_text() + self.certificates.certificate.read_text())
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required"
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        account = f'username="{USER}" password="{PASSWORD}"'
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "listeners": f"CLIENTS://127.0.0.1:{self.settings.port},RELAYED://127.0.0.1:{self.relay[1]},"
            f"CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"CLIENTS://localhost:{self.settings.port},RELAYED://localhost:{self.relay[0]}",
            "listener.security.protocol.map": "CLIENTS:SASL_SSL,RELAYED:SASL_SSL,CONTROLLER:SASL_PLAINTEXT",
            "inter.broker.listener.name": "CLIENTS",
            "controller.listener.names": "CONTROLLER",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
            "sasl.mechanism.controller.protocol": "PLAIN",
            "listener.name.clients.scram-sha-512.sasl.jaas.config": f"{scram} {account};",
            "listener.name.relayed.scram-sha-512.sasl.jaas.config": f"{scram};",
            "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.controller.plain.sasl.jaas.config": f'{plain} {account} user_{USER}="{PASSWORD}";',
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.certificates.ca),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{USER}",
            "log.dirs": str(self.home / "data"),
            "log.flush.interval.messages": "1",
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": "3",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
        }
        (self.home / "server.properties").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        logging = ROOT / "roles/kafka/files/log4j2.properties"
        self._java = ["java", "-Xmx384m", "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={logging}"]
        self._java += ["-cp", f"{jars()}/*"]
        # One of 64 begins so, and would be taken for an option.
        identity = "-" + base64.urlsafe_b64encode(os.urandom(16)).decode()[1:22]
        user = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        formatting = [
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={identity}",
            "-c",
            str(self.home / "server.properties"),
        ]
        subprocess.run(
            [*self._java, *formatting, "--standalone", "--add-scram", user], check=True, capture_output=True, timeout=60
        )

    def start(self) -> None:
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        command = [*self._java, "kafka.Kafka", str(self.home / "server.properties")]
        self._process.start(command, environment, lambda: listening(self.settings.port))

    @property
    def alive(self) -> bool:
        return self._process.alive

    def kill(self) -> None:
        self._process.kill(self.settings.port)


def jars() -> Path:
    """The folder of Kafka's jars, resolved once by the role's own program."""
    folder = ROOT / ".sallyport/kafka"
    program = ROOT / "roles/kafka/files/fetch_jars.py"
    done = subprocess.run([sys.executable, program, "--into", folder], check=True, capture_output=True, text=True)
    archive = Path(json.loads(done.stdout)["archive"])
    unpacked = archive.with_suffix("").with_suffix("")
    if not unpacked.exists():
        part = unpacked.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        with tarfile.open(archive) as tar:
            tar.extractall(part, filter="data")
        part.rename(unpacked)
    return unpacked


# The users are those that the roles make, so that their rights are held to be enough; ours has all topics.


def _rendered(template: str, filters: Mapping[str, Callable[..., str]], variables: Mapping[str, object]) -> str:
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)  # noqa: S701 - no HTML
    environment.filters |= filters
    return environment.from_string((ROOT / "roles" / template).read_text("utf-8")).render(variables)


MAKERS: Mapping[Kind, Callable[[Path, Certificates], Server]] = {
    Kind.RABBITMQ: RabbitServer,
    Kind.REDIS: RedisServer,
    Kind.KAFKA: KafkaServer,
}


@contextmanager
def serving(kind: Kind, folder: Path, certificates: Certificates) -> Iterator[Server]:
    """Run a broker whose files are in a folder of its own there, for as long as the block runs."""
    server = MAKERS[kind](folder / "home", certificates)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _user(topics: str) -> dict[str, object]:
    """The tests' user. Where the role writes the name of a topic, the broker takes a pattern."""
    return {"name": USER, "password": PASSWORD, "publishes": [topics], "consumes": [topics], "announces": [topics]}


def _rabbit_users() -> str:
    filters = {"to_nice_json": lambda given, indent: json.dumps(given, indent=indent), "rabbitmq_hash": _rabbit_hash}
    variables = {
        "rabbitmq_users": [_user("(chat|jobs|messages|registrations|(test|trial|reference|hint)[0-9a-f]+)")],
        "rabbitmq_vhost": VIRTUAL_HOST,
        "network_environment": "tests",
    }
    return _rendered("rabbitmq/templates/definitions.json.j2", filters, variables)


def _redis_users() -> str:
    filters = {"hash": lambda text, kind: hashlib.new(kind, text.encode()).hexdigest()}
    role: dict[str, object] = yaml.safe_load((ROOT / "roles/redis/vars/main.yml").read_text("utf-8"))
    variables = role | {"redis_users": [_user("*")], "redis_admin_password": PASSWORD}
    return _rendered("redis/templates/users.acl.j2", filters, variables)


def _rabbit_hash(password: str, _: str) -> str:
    salt = os.urandom(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
