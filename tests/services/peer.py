"""A receiver on the other end of the line: a real HTTPS server that answers as the test says, and keeps what it got."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic

from tests.services.certificates import Certificates


@dataclass(frozen=True)
class Call:
    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """hold: seconds before it is given. A status of 0 is no answer: the connection ends."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    hold: float = 0.0


@dataclass
class Peer:
    """Gives the answers of `script` in turn; the last one for ever."""

    script: list[Answer]
    calls: list[Call] = field(default_factory=list)
    url: str = ""

    def answer(self, call: Call) -> Answer:
        self.calls.append(call)
        return self.script[min(len(self.calls), len(self.script)) - 1]


@contextmanager
def listening(certificates: Certificates, *script: Answer, port: int = 0) -> Iterator[Peer]:
    peer = Peer(list(script))
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = peer.answer(Call(monotonic(), self.command, self.path, headers, body))
            closing.wait(answer.hold)
            if not answer.status:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in ({"Content-Length": "0"} | answer.headers).items():
                self.send_header(name, value)
            self.end_headers()

        do_POST = do_PUT = _serve  # noqa: N815 - the server's names

        def handle(self) -> None:
            try:
                super().handle()
            except (ConnectionError, ssl.SSLError, TimeoutError):
                return

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)

    class Server(ThreadingHTTPServer):
        # Five, the default, is fewer than a relay opens at once.
        request_queue_size = 512

    with Server(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        # The handshake is the handler's: one that hangs must not keep others from being accepted.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        peer.url = f"https://localhost:{server.server_port}"
        try:
            yield peer
        finally:
            closing.set()
            server.shutdown()
            thread.join()
