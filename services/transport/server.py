"""Runs an application with uvicorn."""

import asyncio
import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import uvicorn
from starlette.types import ASGIApp

from services.settings import Source
from services.transport.kept_socket import kept_socket

# What TLS 1.2 may use: forward secrecy and authenticated encryption only (RFC 9325, section 4.2).
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
# Seconds that requests in flight are given at a stop.
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Listener:
    """An address, and the certificate and key when TLS is spoken there."""

    address: str
    port: int
    certificate: Path | None = None
    key: Path | None = None

    @classmethod
    def plain(cls, source: Source, port: int) -> "Listener":
        """For a service behind a local nginx: TLS only where SP_TLS_CERT says so, loopback by default."""
        if source.text("SP_TLS_CERT", "-") == "-":
            return cls(source.text("SP_BIND_ADDRESS", "127.0.0.1"), source.port("SP_BIND_PORT", port))
        return cls.tls(source, port)

    @classmethod
    def tls(cls, source: Source, port: int) -> "Listener":
        return cls(
            source.text("SP_BIND_ADDRESS", "127.0.0.1"),
            source.port("SP_BIND_PORT", port),
            source.file("SP_TLS_CERT"),
            source.secret_file("tls_key"),
        )


class _Server(uvicorn.Server):
    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on the socket that is kept over restarts, where there is one."""
        kept = kept_socket(self.config.host, self.config.port)
        await super().serve([kept] if kept else sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `serve`: uvicorn raises them again at its end, and work could not be given back."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let go of idle clients at once.

        uvicorn would wait for each to answer the end of TLS, which a client that keeps its connection for later does
        not read: every stop would take all of the time meant for requests in flight.
        """
        for server in self.servers:
            server.close()
        # Or a proxy would keep a connection for its next request that is closed with this answer.
        self.server_state.default_headers.append((b"connection", b"close"))
        deadline = monotonic() + PATIENCE
        asked = set[object]()
        while monotonic() < deadline:
            # What was accepted just now becomes a connection, and what has come becomes a request.
            await asyncio.sleep(0.02)
            for connection in self.server_state.connections - asked:
                # A request that has arrived is answered: who sent it cannot know that nobody has read it.
                if not _has_unread(connection.transport):
                    connection.shutdown()
                    asked.add(connection)
            if not self.server_state.tasks and self.server_state.connections <= asked:
                break
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await super().shutdown(sockets)


def _has_unread(transport: asyncio.BaseTransport | None) -> bool:
    """Whether bytes have come that the loop has not taken yet."""
    if transport is None or transport.is_closing():
        return False
    looked = select.poll()
    looked.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(looked.poll(0))


async def serve(app: ASGIApp, listener: Listener, stopping: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight get PATIENCE. Exits with 3 where the start fails.

    stopping: called at the signal, so that answers without an end come to one.
    """
    await serve_all((app, listener), stopping=stopping)


async def serve_all(*doors: tuple[ASGIApp, Listener], stopping: Callable[[], None] = lambda: None) -> None:
    """Like `serve`, with several applications, each on a listener of its own, which start and stop together."""
    servers = [_server(app, listener) for app, listener in doors]

    def stop() -> None:
        stopping()
        for server in servers:
            server.should_exit = True

    stop_on_signal(stop)
    first, *others = servers
    tasks = [asyncio.create_task(other.serve()) for other in others]
    try:
        await first.serve()
    finally:
        stop()
        await asyncio.gather(*tasks)
    if not all(server.started for server in servers):
        raise SystemExit(3)


def _server(app: ASGIApp, listener: Listener) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            host=listener.address,
            port=listener.port,
            ssl_certfile=listener.certificate,
            ssl_keyfile=listener.key,
            ssl_ciphers=CIPHERS,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            # A compressor for each connection costs more memory than all else of it.
            ws_per_message_deflate=False,
            # Bytes of a message; a larger one ends the connection (1009).
            ws_max_size=65536,
        )
    )


def stop_on_signal(stop: Callable[[], None]) -> None:
    """Call `stop` at SIGTERM or SIGINT, instead of dying of it."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
