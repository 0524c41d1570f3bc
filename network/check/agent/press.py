"""Ask for one page over connections that are kept, each again as soon as it is answered, and report how that went.

Reads JSON from standard input: {"ca": path or "" for no TLS, "address", "port", "name", "host", "target", "mark": int
or null, "seconds", "sources": [an address for each connection, or ""]}. Prints {"statuses": {status: how often}, "p50",
"p99": seconds to an answer}.
"""

import asyncio
import json
import socket
import ssl
import sys
import time
from typing import Any

SO_MARK = 36


async def press(given: dict[str, Any], source: str, tls: ssl.SSLContext | None, end: float) -> list[tuple[int, float]]:
    plain = socket.socket()
    plain.setblocking(False)
    if given["mark"] is not None:
        plain.setsockopt(socket.SOL_SOCKET, SO_MARK, given["mark"])
    if source:
        plain.bind((source, 0))
    await asyncio.get_running_loop().sock_connect(plain, (given["address"], given["port"]))
    name = given["name"] if tls else None
    reader, writer = await asyncio.open_connection(sock=plain, ssl=tls, server_hostname=name)
    asked = f"GET {given['target']} HTTP/1.1\r\nHost: {given['host']}\r\nAccept: application/json\r\n\r\n".encode()
    found = []
    while (began := time.monotonic()) < end:
        writer.write(asked)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        found.append((int(head.split()[1]), time.monotonic() - began))
    writer.close()
    return found


async def main() -> dict[str, Any]:
    given = json.load(sys.stdin)
    tls = ssl.create_default_context(cafile=given["ca"]) if given["ca"] else None
    end = time.monotonic() + given["seconds"]
    parts = await asyncio.gather(*(press(given, source, tls, end) for source in given["sources"]))
    answers = [answer for part in parts for answer in part]
    took = sorted(seconds for _, seconds in answers)
    statuses: dict[int, int] = {}
    for status, _ in answers:
        statuses[status] = statuses.get(status, 0) + 1
    return {"statuses": statuses, "p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100]}


json.dump(asyncio.run(main()), sys.stdout)
