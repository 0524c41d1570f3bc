"""Deliveries of the chat a second, and how long each takes from the moment it was due to be said.

Real processes on loopback, TLS, a PostgreSQL that waits for its disk. Every socket hears, acknowledges by marks as a
page does, and in each chat one speaks at a steady rate. A delivery is an entry that has reached another socket than its
author's. `python -m tests.services.chat.throughput` prints one line of JSON: ours in two shapes, and for each the bare
broadcast's, under the same load.
"""

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from hmac import digest
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from services.migration import migrate, read
from services.postgres import Database
from services.settings import Secret
from tests.services import certificates as authority
from tests.services.certificates import Certificates
from tests.services.cluster import Cluster, running
from tests.services.ports import free_port
from tests.services.processes import SECRETS, Launcher, eventually

DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
# As in chat.js (seconds).
MARK_AFTER = 1.0
WARM_UP = 2.0


@dataclass(frozen=True)
class Shape:
    """chats: how many; width: sockets in each, the author's among them; rate: deliveries a second that are due."""

    chats: int
    width: int
    rate: float


SHAPES = {"two": Shape(200, 2, 1000.0), "ten": Shape(60, 10, 5500.0)}


@dataclass(frozen=True)
class Figures:
    """rate: deliveries a second, from the first that was due to the last that came. p50, p99: seconds."""

    sockets: int
    deliveries: int
    rate: float
    p50: float
    p99: float
    lost: int


@dataclass
class Heard:
    waits: list[float] = field(default_factory=list)
    last: float = 0.0


class Member:
    """One socket. ours: it speaks the chat's protocol; else whatever is said comes back as it is."""

    def __init__(self, connection: ClientConnection, heard: Heard, *, speaks: bool, ours: bool) -> None:
        self._connection = connection
        self._heard = heard
        self._speaks = speaks
        self._ours = ours
        self._place = self._marked = 0

    async def hello(self) -> None:
        if self._ours:
            await self._connection.send('{"type":"hello","after":0}')

    async def hear(self) -> None:
        try:
            async for text in self._connection:
                message = json.loads(text)
                if not self._ours:
                    self._count(message["text"])
                elif message["type"] == "entries":
                    for entry in message["entries"]:
                        assert entry["seq"] == self._place + 1
                        self._place += 1
                        self._count(entry["text"])
                elif message["type"] == "error":
                    raise AssertionError(message)
        except ConnectionClosed:
            return

    def _count(self, text: str) -> None:
        due, counts, _ = text.split(" ", 2)
        if not self._speaks and counts == "counts":
            self._heard.last = monotonic()
            self._heard.waits.append(self._heard.last - float(due))

    async def mark(self) -> None:
        """As a page does that is looked at."""
        while self._ours:
            await asyncio.sleep(MARK_AFTER)
            if self._place > self._marked:
                self._marked = self._place
                mark = {"type": "mark", "delivered": self._place, "read": self._place}
                await self._connection.send(json.dumps(mark))

    async def speak(self, begin: float, every: float, seconds: float) -> int:
        """Say something whenever it is due, however late the others are. How much of it counts."""
        number = counted = 0
        while (due := begin + number * every) < begin + WARM_UP + seconds:
            await asyncio.sleep(max(0.0, due - monotonic()))
            counts = due >= begin + WARM_UP
            text = f"{due:.6f} {'counts' if counts else 'before'} {'a line of a chat ' * 4}"
            await self._connection.send(json.dumps({"type": "send", "id": str(uuid4()), "text": text}))
            number += 1
            counted += counts
        return counted


async def load(url: str, ca: Path, tokens: list[list[tuple[str, str]]], shape: Shape, seconds: float) -> Figures:
    """tokens: for each chat its path and cookie, one for each socket; the first one speaks."""
    context = ssl.create_default_context(cafile=str(ca))
    heard = Heard()
    ours = bool(tokens[0][0][1])
    gate = asyncio.Semaphore(20)

    async def join(path: str, cookie: str, *, speaks: bool) -> Member:
        async with gate:
            connection = await connect(
                url.replace("https", "wss") + path,
                ssl=context,
                origin=Origin(url),
                additional_headers={"Cookie": f"__Host-session={cookie}"} if ours else {},
                proxy=None,
                compression=None,
                ping_interval=None,
                open_timeout=60,
            )
        member = Member(connection, heard, speaks=speaks, ours=ours)
        connections.append(connection)
        await member.hello()
        return member

    connections: list[ClientConnection] = []
    chats = [
        await asyncio.gather(*(join(path, cookie, speaks=not index) for index, (path, cookie) in enumerate(chat)))
        for chat in tokens
    ]
    members = [member for chat in chats for member in chat]
    background = [asyncio.create_task(deed) for member in members for deed in (member.hear(), member.mark())]
    every = shape.chats * (shape.width - 1) / shape.rate
    begin = monotonic() + 0.5
    counted = await asyncio.gather(
        *(chat[0].speak(begin + index * every / len(chats), every, seconds) for index, chat in enumerate(chats))
    )
    due = sum(counted) * (shape.width - 1)
    deadline = monotonic() + 30
    while len(heard.waits) < due and monotonic() < deadline:
        await asyncio.sleep(0.05)
    for task in background:
        if task.done() and task.exception():
            raise RuntimeError("a socket failed") from task.exception()
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    await asyncio.gather(*(connection.close() for connection in connections))
    waits = sorted(heard.waits)
    return Figures(
        sockets=len(members),
        deliveries=len(waits),
        rate=len(waits) / (heard.last - begin - WARM_UP),
        p50=waits[len(waits) // 2],
        p99=waits[min(len(waits) - 1, round(len(waits) * 0.99))],
        lost=due - len(waits),
    )


def people(cluster: Cluster, database: str, shape: Shape) -> list[list[tuple[str, str]]]:
    """A formed request for each chat, of a creator of its own, and moderators; with sessions for all of them."""

    def kept(token: str) -> bytes:
        return digest(SECRETS["session_key"].encode(), token.encode(), sha256)

    with cluster.connect(database, schema="main") as db, db.transaction():

        def user(name: str, role: str) -> str:
            token = f"token-of-{name}"
            row = db.execute(
                "INSERT INTO users (name, password_hash, role) VALUES (%s, '-', %s) RETURNING id", [name, role]
            ).fetchone()
            assert row is not None
            db.execute(
                "INSERT INTO sessions (token_digest, user_id, expires_at) VALUES (%s, %s, now() + interval '1 hour')",
                [kept(token), row[0]],
            )
            return token

        def request(creator: str) -> int:
            row = db.execute(
                "INSERT INTO requests (creator_id, state, formed_at)"
                " SELECT id, 'formed', now() FROM users WHERE name = %s RETURNING id",
                [creator],
            ).fetchone()
            assert row is not None
            return int(row[0])

        moderators = [user(f"moderator-{number}", "moderator") for number in range(shape.width - 1)]
        chats = []
        for number in range(shape.chats):
            token = user(f"creator-{number}", "creator")
            path = f"/requests/{request(f'creator-{number}')}/chat/socket"
            chats.append([(path, each) for each in (token, *moderators)])
        return chats


def ours(folder: Path, certificates: Certificates, shape: Shape, seconds: float) -> Figures:
    with running(certificates, **DURABLE) as cluster:
        name = cluster.create()
        owner = Database("localhost", cluster.port, name, "sp_owner", Secret(cluster.password), cluster.ca, "main")
        migrate(owner, read("services.main"))
        launcher = Launcher(cluster, certificates, folder / "services")
        try:
            main, url = launcher.main(name)
            launcher.start(main, url)
            return uvloop.run(load(url, certificates.ca, people(cluster, name, shape), shape, seconds))
        finally:
            launcher.stop_all()


@contextmanager
def broadcasting(certificates: Certificates) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "tests.services.chat.bare"]
    arguments = [str(port), str(certificates.certificate), str(certificates.key)]
    with subprocess.Popen([*command, *arguments]) as process:
        try:

            def answers() -> bool:
                done = subprocess.run(
                    [sys.executable, "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}))"],
                    stderr=subprocess.DEVNULL,
                    check=False,
                )
                return done.returncode == 0

            eventually(answers, what="the reference")
            yield f"https://localhost:{port}"
        finally:
            process.kill()


def bare(certificates: Certificates, shape: Shape, seconds: float) -> Figures:
    paths = [[(f"/{chat}", "")] * shape.width for chat in range(shape.chats)]
    with broadcasting(certificates) as url:
        return uvloop.run(load(url, certificates.ca, paths, shape, seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description="Deliveries of the chat, beside a bare broadcast")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--shape", choices=SHAPES, action="append")
    parser.add_argument("--rate", type=float, help="deliveries a second, in place of the shape's own")
    parser.add_argument("--alone", action="store_true", help="leave the reference out")
    given = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    for name in given.shape or SHAPES:
        shape = SHAPES[name]
        if given.rate:
            shape = Shape(shape.chats, shape.width, given.rate)
        with tempfile.TemporaryDirectory() as folder:
            certificates = authority.make(Path(folder))
            found[name] = {"ours": asdict(ours(Path(folder), certificates, shape, given.seconds))}
            if not given.alone:
                found[name]["bare"] = asdict(bare(certificates, shape, given.seconds))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
