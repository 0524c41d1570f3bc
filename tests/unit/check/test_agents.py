"""The programs that run on the hosts, run here against loopback."""

import contextlib
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from network.check.shell import agent_command
from tests.unit.nginx.web_host import make_certificate


def run(agent: str, parameters: object, given: str | None = None) -> Any:
    done = subprocess.run(
        ["/bin/sh", "-c", agent_command(agent, parameters)], input=given, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Run the listening agent on one port, TCP and UDP, beside one that is taken."""
    port, report = free_port(), tmp_path / "visits"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        parameters = {
            "addresses": ["127.0.0.1"],
            "tcp": [taken.getsockname()[1], port],
            "udp": [port],
            "report": str(report),
        }
        with subprocess.Popen(["/bin/sh", "-c", f"exec {agent_command('listen', parameters)}"]) as process:
            deadline = time.monotonic() + 10
            while not report.exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            yield port, report
            process.terminate()


def knock(port: int, protocol: str) -> str:
    probe = {"protocol": protocol, "address": "127.0.0.1", "port": port, "seconds": 2}
    found: list[str] = run("knock", {"mark": None, "pace": 1000, "probes": [probe]})
    return found[0]


def test_knock_finds_listeners_and_they_write_it_down(listener: tuple[int, Path]) -> None:
    port, report = listener

    assert [knock(port, "tcp"), knock(port, "udp")] == ["connected", "connected"]
    assert report.read_text(encoding="ascii").splitlines() == [
        "ready",
        f"tcp 127.0.0.1 127.0.0.1 {port}",
        f"udp 127.0.0.1 127.0.0.1 {port}",
    ]


def test_knock_tells_refused() -> None:
    assert [knock(free_port(), "tcp"), knock(free_port(), "udp")] == ["refused", "refused"]


def test_knock_tells_timeout() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        probe = {"protocol": "udp", "address": "127.0.0.1", "port": silent.getsockname()[1], "seconds": 0.2}

        assert run("knock", {"mark": None, "pace": 1000, "probes": [probe]}) == ["timeout"]


def test_observe_reports_each_command() -> None:
    commands = {"good": ["echo", "hello"], "bad": ["sh", "-c", "echo no >&2; exit 3"], "none": ["no-such-program"]}

    assert run("observe", commands) == {
        "good": {"status": 0, "out": "hello\n"},
        "bad": {"status": 3, "out": "no\n"},
        "none": {"status": 127, "out": ""},
    }


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Serve TLS with a certificate of its own; answer whatever comes with one HTTP response."""
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)

    def serve(server: socket.socket) -> None:
        while True:
            try:
                raw, _ = server.accept()
            except OSError:
                return
            with raw, contextlib.suppress(OSError), context.wrap_socket(raw, server_side=True) as secure:
                asked = b""
                while chunk := secure.recv(4096):
                    asked += chunk
                    if asked.endswith(b"{}"):
                        break
                if asked:
                    secure.sendall(b"HTTP/1.1 401 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")

    server = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, args=(server,))
    thread.start()
    yield server.getsockname()[1], certificate
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def test_handshake_tells_what_a_door_agrees_to(tls: tuple[int, Path]) -> None:
    port, authority = tls
    doors = [{"address": "127.0.0.1", "port": port, "name": "localhost", "start": "direct"}]
    tries = run("handshake", {"ca": str(authority), "doors": doors})[f"127.0.0.1:{port}"]

    assert {name for name, outcome in tries.items() if outcome.startswith("TLS")} == {"verified"}
    assert "Hostname mismatch" in tries["wrong-name"]


def test_speak_sends_targets_as_they_are_and_takes_secrets_by_standard_input(tls: tuple[int, Path]) -> None:
    port, authority = tls
    door = {"address": "127.0.0.1", "port": port, "name": "localhost"}
    requests = [
        {**door, "method": "PUT", "target": "//a/../b c", "headers": {"Authorization": "Bearer x"}, "body": "{}"},
        {**door, "port": free_port(), "method": "GET", "target": "/", "headers": {}, "body": ""},
    ]
    first, second = run("speak", None, json.dumps({"ca": str(authority), "mark": None, "requests": requests}))

    assert (first["status"], first["body"]) == (401, "no")
    assert second == {"error": "refused"}


def test_seek_names_what_it_finds_and_never_shows_it(tmp_path: Path) -> None:
    word = "a-secret-that-only-an-environment-holds"
    (tmp_path / "leak").write_text(f"x{word}y", encoding="ascii")
    (tmp_path / "held").write_text(word, encoding="ascii")
    given = {
        "secrets": {"mine": word, "absent": "another-secret-that-nobody-holds"},
        "folders": [str(tmp_path)],
        "holders": {str(tmp_path / "held"): ["mine"]},
    }
    with subprocess.Popen(["sleep", "60"], env={"WORD": word}) as process:
        found = run("seek", None, json.dumps(given))
        process.terminate()

    assert {"environ of sleep: mine", f"{tmp_path}/leak: mine"} <= set(found)
    assert not any("absent" in line or word in line or "held: " in line for line in found)
