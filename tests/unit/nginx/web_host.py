"""A web host on loopback addresses, a real nginx with its compiled configuration, and a small application behind it."""

import getpass
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from network.compile.nginx import Limits, Machine, server_config
from network.model import Endpoint, Fleet, Flow, Host, HttpGuard, Leg, Model, Service, Zone

WEB = "127.0.57.10"
WORKER = "127.0.58.10"
NEIGHBOUR = "127.0.58.20"
VISITOR = "127.0.56.10"
TOKEN = "Kb7zQn-1"  # noqa: S105
PREVIOUS = "older_Token2"
DEADLY = "/stocks/666/put"

MakeFlow = Callable[..., Flow]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((WEB, 0))
        return int(probe.getsockname()[1])


def flow(identifier: str, source: Endpoint, service: Service, *, http: HttpGuard | None = None) -> Flow:
    published = None if http else "edge"
    return Flow(
        id=identifier,
        source_names=(source.name,),
        destination_names=("web",),
        sources=(source,),
        destinations=(Endpoint("host", "web1"),),
        services=(service,),
        publish=published,
        http=http,
        why="A test.",
        owner="platform",
        review_by=date(2030, 1, 1),
        where="policy.yml:1",
    )


def loopback_model(http: int = 80, https: int = 443, callback: int = 8444) -> Model:
    """Return a world outside, a DMZ with web1, and an inner zone with worker1 and gateway1; firewalls join them."""
    networks = {"internet": "127.0.56.0/24", "dmz": "127.0.57.0/24", "app": "127.0.58.0/24"}
    trust = {"internet": "untrusted", "dmz": "public", "app": "management"}

    def leg(zone: str, address: str) -> Leg:
        return Leg(zone, ip_address(address), ip_network(networks[zone]))

    hosts = (
        Host("edge1", (leg("internet", "127.0.56.2"), leg("dmz", "127.0.57.2")), frozenset({"edge"})),
        Host("core1", (leg("dmz", "127.0.57.3"), leg("app", "127.0.58.3")), frozenset({"core"})),
        Host("web1", (leg("dmz", WEB),), frozenset({"web"})),
        Host("worker1", (leg("app", WORKER),), frozenset({"worker"})),
        Host("gateway1", (leg("app", NEIGHBOUR),), frozenset({"gateway"})),
    )
    services = {
        "http": Service("http", "tcp", http, http),
        "https": Service("https", "tcp", https, https),
        "callback": Service("callback", "tcp", callback, callback),
    }
    guard = HttpGuard("PUT", "/stocks/{id}/put", "callback-token")
    return Model(
        fleet=Fleet(
            environment="test",
            domain="sallyport.test",
            public_names=("sallyport.test", "localhost"),
            zones={
                name: Zone(name, trust[name], "A test.", (ip_network(network),)) for name, network in networks.items()
            },
            hosts={host.name: host for host in hosts},
            groups={group: (host.name,) for host in hosts for group in host.groups},
            externals={},
        ),
        services=services,
        flows=(
            flow("public-https", Endpoint("zone", "internet"), services["https"]),
            flow("public-http", Endpoint("zone", "internet"), services["http"]),
            flow("status-callback", Endpoint("host", "worker1"), services["callback"], http=guard),
        ),
    )


@dataclass
class Asked:
    """What the application behind nginx was asked: the raw request targets, and the headers of the last request."""

    targets: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """A response. `status` is 0 when the connection was closed without one."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Site:
    """A running nginx and what it stands on."""

    http: int
    https: int
    callback: int
    asked: Asked
    log: Path
    error_log: Path
    authority: Path

    def send(
        self,
        request: str | bytes,
        *,
        port: int | None = None,
        source: str = VISITOR,
        name: str | None = "sallyport.test",
    ) -> Answer:
        """Send bytes as they are from an address; TLS unless the port is the plain one. No name: no SNI."""
        data = request.encode("latin-1") if isinstance(request, str) else request
        target = self.https if port is None else port
        with socket.create_connection((WEB, target), timeout=10, source_address=(source, 0)) as raw:
            if target == self.http:
                return exchange(raw, data)
            context = ssl.create_default_context(cafile=str(self.authority))
            context.check_hostname = name is not None
            with context.wrap_socket(raw, server_hostname=name) as secure:
                return exchange(secure, data)

    def callback_request(
        self,
        target: str = "/stocks/7/put",
        *,
        method: str = "PUT",
        token: str | None = TOKEN,
        kind: str | None = "application/json",
        body: str = "{}",
        source: str = WORKER,
        more: str = "",
    ) -> Answer:
        """Send what the async service would, but for what the test changes."""
        request = f"{method} {target} HTTP/1.1\r\nHost: web1:{self.callback}\r\nConnection: close\r\n"
        request += f"Authorization: Bearer {token}\r\n" if token is not None else ""
        request += f"Content-Type: {kind}\r\n" if kind is not None else ""
        request += f"{more}Content-Length: {len(body)}\r\n\r\n{body}"
        return self.send(request, port=self.callback, source=source, name="web1")

    def get(self, target: str, *, method: str = "GET", host: str = "sallyport.test", more: str = "") -> Answer:
        """Ask the public front as a visitor does."""
        return self.send(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n")


def exchange(connection: socket.socket, request: bytes) -> Answer:
    """Send a request over a connection, and read until it is closed."""
    connection.sendall(request)
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except (ConnectionResetError, ssl.SSLError):
        pass
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    if not lines[0].startswith("HTTP/"):
        return Answer(0, {}, received)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return Answer(int(lines[0].split()[1]), headers, body)


@contextmanager
def application(asked: Asked) -> Iterator[int]:
    """Run a stand-in for the application: it answers all with 200, a stream late, and remembers what it was asked.

    Asked for DEADLY it ends without an answer, as if it were killed once its work was done.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.targets.append(self.path)
            asked.headers = {name.lower(): value for name, value in self.headers.items()}
            if self.path == DEADLY:
                self.close_connection = True
                return
            if self.path == "/feed/events":
                time.sleep(1)
            upgrade = self.headers.get("Upgrade") == "websocket"
            self.send_response(101 if upgrade else 404 if self.path == "/missing" else 200)
            if upgrade:
                self.send_header("Upgrade", "websocket")
                self.send_header("Connection", "upgrade")
                self.close_connection = True
            if self.path == "/page":
                self.send_header("Content-Security-Policy", "default-src 'none'")
            self.send_header("X-Frame-Options", "SAMEORIGIN")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing: the test reads `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a self-signed certificate for the names of the test, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "web1")])
    now = datetime.now(UTC)
    names = ("web1", "web1.sallyport.test", "sallyport.test", "localhost")
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(item) for item in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "host.pem", folder / "host.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


def nginx_program() -> str:
    found = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if found is None:
        pytest.fail("nginx is not installed: these tests ask a real one (apt-get install nginx-light)")
    return found


@contextmanager
def running(folder: Path, limits: Limits, *, reachable: bool = True) -> Iterator[Site]:
    """Start nginx with the configuration compiled for the loopback model; it stops at the end.

    reachable: whether the application is where nginx looks for it.
    """
    program = nginx_program()
    http, https, callback = free_port(), free_port(), free_port()
    certificate, key = make_certificate(folder)
    (folder / "tokens").mkdir()
    (folder / "tokens" / "callback-token.map").write_text(
        f'"~^Bearer {TOKEN}$" 1;\n"~^Bearer {PREVIOUS}$" 1;\n', encoding="ascii"
    )
    (folder / "state").mkdir()
    asked = Asked()
    with application(asked) as upstream:
        place = Machine(
            certificate=str(certificate),
            key=str(key),
            tokens=str(folder / "tokens"),
            application=f"127.0.0.1:{upstream if reachable else free_port()}",
            user=getpass.getuser(),
            pid=str(folder / "pid"),
            state=str(folder / "state"),
            error_log=str(folder / "error.log"),
            access_log=str(folder / "access.log"),
            limits=limits,
        )
        text = server_config(loopback_model(http, https, callback), "web1", place)
        assert text is not None
        configuration = folder / "nginx.conf"
        configuration.write_text(text, encoding="utf-8")
        with subprocess.Popen(
            [program, "-c", str(configuration), "-p", str(folder), "-e", str(folder / "error.log"), "-g", "daemon off;"]
        ) as process:
            try:
                for port in (http, https, callback):
                    _wait(port, process, folder / "error.log")
                yield Site(http, https, callback, asked, folder / "access.log", folder / "error.log", certificate)
            finally:
                process.terminate()


def _wait(port: int, process: "subprocess.Popen[bytes]", error_log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((WEB, port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    pytest.fail(f"nginx did not start:\n{error_log.read_text(encoding='utf-8')}")
