"""A client of the chat's socket, one message at a time.

Each has an event loop of its own, which runs while something is asked of it: the library's threaded client reads and
writes one TLS connection in two threads, which Python's ssl does not bear before 3.12.8 (gh-124984).
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from tests.services.api import Api
from tests.services.feed_client import trusting


def session_of(api: Api, name: str) -> str:
    """A session of this user: the cookie's value."""
    with api.signed_in(name) as client:
        return str(client.cookies["__Host-session"])


def formed_request(api: Api) -> int:
    """A request of `creator` that a moderator can see, and so a chat of its own."""
    with api.signed_in() as client:
        draft = api.fresh_draft(client)
        assert client.put(f"/requests/{draft}/form").status_code == 202
    return draft


@dataclass
class Talker:
    """One socket. heard: all messages that came, in that order."""

    runner: asyncio.Runner
    connection: ClientConnection
    heard: list[dict[str, Any]]

    def say(self, **message: object) -> None:
        self.say_raw(json.dumps(message))

    def say_raw(self, message: str | bytes) -> None:
        self.runner.run(self.connection.send(message))

    def take(self, within: float) -> dict[str, Any]:
        """The next message, whatever it is. Raises TimeoutError."""

        async def receive() -> str | bytes:
            async with asyncio.timeout(within):
                return await self.connection.recv()

        found = json.loads(self.runner.run(receive()))
        assert isinstance(found, dict)
        return found

    def hello(self, after: int = 0) -> dict[str, Any]:
        self.say(type="hello", after=after)
        return self.hear("welcome")

    def hear(self, kind: str, within: float = 10.0) -> dict[str, Any]:
        """The next message of this kind."""
        while True:
            message = self.take(within)
            self.heard.append(message)
            if message["type"] == kind:
                return message

    def entries(self, count: int) -> list[dict[str, Any]]:
        """The next so many entries."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            found += self.hear("entries")["entries"]
        assert len(found) == count
        return found

    def send(self, text: str, name: str = "") -> int:
        """Send a text and wait for its ack. Its number."""
        name = name or str(uuid4())
        self.say(type="send", id=name, text=text)
        ack = self.hear("ack")
        assert ack["id"] == name
        return int(ack["seq"])

    def refused(self, code: str, **message: object) -> dict[str, Any]:
        """Say something that is refused for this reason."""
        self.say(**message)
        error = self.hear("error")
        assert error["code"] == code, error
        assert error["detail"]
        return error


@contextmanager
def talking(
    api: Api, request_id: int, session: str, *, origin: str | None = None, url: str | None = None
) -> Iterator[Talker]:
    """Someone on the socket. url: of main, or of what stands before it."""

    async def opened() -> ClientConnection:
        return await connect(
            f"{(url or api.url).replace('https', 'wss')}/requests/{request_id}/chat/socket",
            ssl=trusting(api.cluster.ca),
            origin=Origin(origin or api.url),
            additional_headers={"Cookie": f"__Host-session={session}"} if session else {},
            proxy=None,
            ping_interval=None,
        )

    with asyncio.Runner() as runner:
        connection = runner.run(opened())
        try:
            yield Talker(runner, connection, [])
        finally:
            runner.run(connection.close())
