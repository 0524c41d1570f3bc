"""Hears the feed in any of its four ways, as feed.js does, and keeps a cursor between them."""

import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.services.api import Api

TRANSPORTS = ("short-polling", "long-polling", "sse", "websocket")


def server_sent(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """The events of a text/event-stream."""
    event: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif event:
            yield event
            event = {}


@dataclass
class FeedClient:
    """events: what was heard, in that order. resets: the reasons to begin again."""

    api: Api
    session: str
    cursor: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    resets: list[str] = field(default_factory=list)

    def http(self) -> httpx.Client:
        return self.api.launcher.client(self.api.url, Cookie=f"__Host-session={self.session}")

    def socket(self, origin: str | None = None, max_queue: int = 16, receive_buffer: int = 0) -> ClientConnection:
        """receive_buffer: bytes that the kernel keeps for us; 0 for as many as it likes."""
        own = None
        if receive_buffer:
            own = socket.socket()
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            own.connect(("127.0.0.1", httpx.URL(self.api.url).port))
        return connect(
            f"{self.api.url.replace('https', 'wss')}/feed/socket?after={self.cursor}",
            ssl=trusting(self.api.cluster.ca),
            origin=Origin(origin or self.api.url),
            additional_headers={"Cookie": f"__Host-session={self.session}"} if self.session else {},
            proxy=None,
            sock=own,
            max_queue=max_queue,
        )

    def begin(self) -> None:
        with self.http() as client:
            self.cursor = client.get("/feed/snapshot").raise_for_status().json()["cursor"]

    def take(self, message: dict[str, Any]) -> None:
        if "reset" in message:
            self.resets.append(message["reset"])
            self.cursor = message["snapshot"]["cursor"]
            return
        assert message["after"] == self.cursor
        self.cursor = message["cursor"]
        self.events += message["events"]

    def hear(self, transport: str, most: int) -> None:
        """Take at most so many messages. Raises what the network raises."""
        if transport == "sse":
            with (
                self.http() as client,
                client.stream("GET", "/feed/events", headers={"Last-Event-ID": self.cursor}, timeout=20) as answer,
            ):
                heard = server_sent(answer.iter_lines())
                for _, event in zip(range(most), heard, strict=False):
                    self.take(json.loads(event["data"]))
                    assert event["id"] == self.cursor
        elif transport == "websocket":
            with self.socket() as connection:
                for _, text in zip(range(most), connection, strict=False):
                    self.take(json.loads(text))
        else:
            wait = 2 if transport == "long-polling" else 0
            with self.http() as client:
                for _ in range(most):
                    known = {"If-None-Match": f'W/"{self.cursor}"'}
                    answer = client.get("/feed", params={"after": self.cursor, "wait": wait}, headers=known)
                    if answer.status_code == 304:
                        self.cursor = answer.headers["Feed-Cursor"]
                    elif answer.status_code == 503:
                        return
                    else:
                        self.take(answer.raise_for_status().json())


def trusting(ca: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca))
