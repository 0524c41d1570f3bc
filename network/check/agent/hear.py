"""Listen to the feed in any of its four ways, with many streams at once, and report what each one heard, and when.

Reads JSON from standard input, for it holds a session: {"ca", "address", "port", "name", "origin", "cookie", "after":
cursor, "mark": int or null, "seconds", "enough", "streams": [{"transport": "polling" | "long-polling" | "sse" |
"websocket", "source": address or "", "origin": another one or ""}]}. A stream ends when it has heard `enough` events
(0: never), or after so many seconds. Prints for each {"status": of the first answer, "heard": [[seconds since 1970,
number of the event]], "error": text or ""}. Of the standard library only: WebSocket as in RFC 6455, 4.1 and 5.2.
"""

import asyncio
import base64
import json
import os
import resource
import socket
import ssl
import struct
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

SO_MARK = 36
# Handshakes under way at once, and seconds between two looks of the short polling.
AT_ONCE = 32
PAUSE = 0.25
# Opcodes.
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Stream:
    """One listener. `cursor` is where it goes on, `heard` what it has got so far."""

    def __init__(self, given: dict[str, Any], which: dict[str, str]) -> None:
        self.given, self.which = given, which
        self.cursor: str = given["after"]
        self.status = 0
        self.heard: list[tuple[float, int]] = []
        self.error = ""

    async def listen(self, tls: ssl.SSLContext, gate: asyncio.Semaphore, end: float) -> None:
        ways = {"sse": self._events, "websocket": self._socket}
        way = ways.get(self.which["transport"], self._polls)
        try:
            async with asyncio.timeout_at(end):
                async for text in way(tls, gate):
                    self._take(json.loads(text))
                    if self.given["enough"] and len(self.heard) >= self.given["enough"]:
                        return
        except TimeoutError:
            return
        except (OSError, EOFError, ValueError) as error:
            self.error = f"{type(error).__name__}: {error}"

    def _take(self, message: dict[str, Any]) -> None:
        if message["after"] != self.cursor:
            raise ValueError(f"heard from {message['after']} on, at {self.cursor}")
        self.cursor = message["cursor"]
        now = time.time()
        self.heard += [(now, event["seq"]) for event in message["events"]]

    async def _polls(self, tls: ssl.SSLContext, gate: asyncio.Semaphore) -> AsyncIterator[bytes]:
        long = self.which["transport"] == "long-polling"
        while True:
            target = f"/feed?after={self.cursor}" + ("&wait=20" if long else "")
            reader, writer, headers = await self._open(tls, gate, target, {"Connection": "close"})
            try:
                if self.status != 200:
                    return
                yield await reader.readexactly(int(headers["content-length"]))
            finally:
                writer.close()
            await asyncio.sleep(0 if long else PAUSE)

    async def _events(self, tls: ssl.SSLContext, gate: asyncio.Semaphore) -> AsyncIterator[bytes]:
        reader, writer, headers = await self._open(tls, gate, "/feed/events", {"Last-Event-ID": self.cursor})
        try:
            if self.status != 200:
                return
            if headers.get("transfer-encoding") != "chunked":
                raise ValueError("not chunked")
            text = b""
            while size := int(await reader.readuntil(b"\r\n"), 16):
                text += (await reader.readexactly(size + 2))[:-2]
                *events, text = text.split(b"\n\n")
                for event in events:
                    for line in event.split(b"\n"):
                        if line.startswith(b"data: "):
                            yield line[6:]
        finally:
            writer.close()

    async def _socket(self, tls: ssl.SSLContext, gate: asyncio.Semaphore) -> AsyncIterator[bytes]:
        wanted = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        }
        reader, writer, _ = await self._open(tls, gate, f"/feed/socket?after={self.cursor}", wanted)
        try:
            if self.status != 101:
                return
            while True:
                first, size = await reader.readexactly(2)
                if size >= 126:
                    form, wide = (">H", 2) if size == 126 else (">Q", 8)
                    (size,) = struct.unpack(form, await reader.readexactly(wide))
                content = await reader.readexactly(size)
                if (opcode := first & 0x0F) == TEXT:
                    yield content
                elif opcode == PING:
                    mask = os.urandom(4)
                    masked = bytes(each ^ mask[place % 4] for place, each in enumerate(content))
                    writer.write(bytes((0x80 | PONG, 0x80 | len(content))) + mask + masked)
                elif opcode == CLOSE:
                    raise ValueError(f"closed: {content!r}")
        finally:
            writer.close()

    async def _open(
        self, tls: ssl.SSLContext, gate: asyncio.Semaphore, target: str, more: dict[str, str]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, dict[str, str]]:
        """Connect, ask, and return what there is to read once the head of the answer is read."""
        given = self.given
        origin = self.which["origin"] or given["origin"]
        headers = {"Host": given["origin"].removeprefix("https://"), "Origin": origin, **more}
        if given["cookie"]:
            headers["Cookie"] = given["cookie"]
        lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        async with gate:
            plain = socket.socket()
            try:
                plain.setblocking(False)
                if given["mark"] is not None:
                    plain.setsockopt(socket.SOL_SOCKET, SO_MARK, given["mark"])
                if self.which["source"]:
                    plain.bind((self.which["source"], 0))
                await asyncio.get_running_loop().sock_connect(plain, (given["address"], given["port"]))
            except BaseException:
                plain.close()
                raise
            reader, writer = await asyncio.open_connection(sock=plain, ssl=tls, server_hostname=given["name"])
            writer.write("\r\n".join(lines).encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.status = int(head[0].split()[1])
        pairs = (line.partition(":") for line in head[1:] if line)
        return reader, writer, {name.lower(): value.strip() for name, _, value in pairs}


async def main() -> list[dict[str, Any]]:
    given = json.load(sys.stdin)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    tls = ssl.create_default_context(cafile=given["ca"])
    gate = asyncio.Semaphore(AT_ONCE)
    end = asyncio.get_running_loop().time() + given["seconds"]
    streams = [Stream(given, which) for which in given["streams"]]
    await asyncio.gather(*(stream.listen(tls, gate, end) for stream in streams))
    return [{"status": stream.status, "heard": stream.heard, "error": stream.error} for stream in streams]


json.dump(asyncio.run(main()), sys.stdout)
