"""Follow a script of what some sockets say and wait to hear, in its order, and report what came of each step.

Reads JSON from standard input, for it holds sessions: {"ca", "address", "port", "name", "seconds": for all steps,
"steps"}. A step is one of
  {"open": a name for the socket, "target", "headers": {name: value}}: the status of the answer
  {"say": socket, "message": JSON}
  {"hear": socket, "until": JSON}: all messages up to the first that holds what `until` holds
  {"close": socket}
Prints for each what stands behind its colon, or null. Fails when a step does not end in time, or a socket is closed by
the other side. Of the standard library only: WebSocket as in RFC 6455, 4.1 and 5.2.
"""

import asyncio
import base64
import json
import os
import ssl
import struct
import sys
from typing import Any

# Opcodes.
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def holds(found: Any, wanted: Any) -> bool:
    """Whether all of `wanted` is in it: keys of objects, elements of lists in any order, and equal values."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and holds(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and all(any(holds(each, one) for each in found) for one in wanted)
    return bool(found == wanted)


class Socket:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, opcode: int, content: bytes) -> None:
        size = len(content)
        length = bytes([0x80 | size]) if size < 126 else struct.pack(">BH", 0x80 | 126, size)
        mask = os.urandom(4)
        masked = bytes(each ^ mask[place % 4] for place, each in enumerate(content))
        self.writer.write(bytes([0x80 | opcode]) + length + mask + masked)

    async def hear(self) -> Any:
        while True:
            first, size = await self.reader.readexactly(2)
            if size >= 126:
                form, wide = (">H", 2) if size == 126 else (">Q", 8)
                (size,) = struct.unpack(form, await self.reader.readexactly(wide))
            content = await self.reader.readexactly(size)
            if (opcode := first & 0x0F) == TEXT:
                return json.loads(content)
            if opcode == PING:
                self.say(PONG, content)
            elif opcode == CLOSE:
                raise ValueError(f"closed: {content!r}")


class Talk:
    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.tls = ssl.create_default_context(cafile=given["ca"])
        self.sockets: dict[str, Socket] = {}

    async def follow(self, step: dict[str, Any]) -> Any:
        if "open" in step:
            return await self.open(step)
        if "say" in step:
            self.sockets[step["say"]].say(TEXT, json.dumps(step["message"]).encode())
            return None
        if "hear" in step:
            heard = [await self.sockets[step["hear"]].hear()]
            while not holds(heard[-1], step["until"]):
                heard.append(await self.sockets[step["hear"]].hear())
            return heard
        self.sockets.pop(step["close"]).writer.close()
        return None

    async def open(self, step: dict[str, Any]) -> int:
        given = self.given
        reader, writer = await asyncio.open_connection(
            given["address"], given["port"], ssl=self.tls, server_hostname=given["name"]
        )
        headers = {
            **step["headers"],
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        }
        lines = [f"GET {step['target']} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        status = int((await reader.readuntil(b"\r\n\r\n")).split()[1])
        if status == 101:
            self.sockets[step["open"]] = Socket(reader, writer)
        else:
            writer.close()
        return status


async def main() -> list[Any]:
    given = json.load(sys.stdin)
    talk = Talk(given)
    came = []
    async with asyncio.timeout(given["seconds"]):
        for step in given["steps"]:
            try:
                came.append(await talk.follow(step))
            except BaseException as error:
                error.add_note(f"At step {len(came)}, {step.get('until', '')}")
                raise
    return came


json.dump(asyncio.run(main()), sys.stdout)
