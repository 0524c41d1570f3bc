"""Listen on doors where nothing listens, until stopped; answer who knocks.

Argument: {"addresses": [...], "tcp": [ports], "udp": [ports], "report": path}. A door that is taken already is left to
its owner. Each visit is appended to the report as "protocol source destination port", so that a denial can be told
from a silence. The file holds "ready" when every door is open.
"""

import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import Any


class Echo(asyncio.DatagramProtocol):
    """Answers each datagram and writes it down."""

    def __init__(self, report: Path, address: str, port: int) -> None:
        self.report, self.door = report, f"{address} {port}"
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        note(self.report, f"udp {addr[0]} {self.door}")
        self.transport.sendto(data, addr)


def note(report: Path, line: str) -> None:
    with report.open("a", encoding="ascii") as file:
        file.write(line + "\n")


async def main(parameters: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    report = Path(parameters["report"])

    def visited(address: str, port: int) -> Any:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            note(report, f"tcp {writer.get_extra_info('peername')[0]} {address} {port}")
            writer.close()

        return answer

    for address in parameters["addresses"]:
        for port in parameters["tcp"]:
            try:
                await asyncio.start_server(visited(address, port), address, port)
            except OSError:
                continue
        for port in parameters["udp"]:
            door = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
            try:
                door.bind((address, port))
            except OSError:
                door.close()
                continue
            await loop.create_datagram_endpoint(lambda a=address, p=port: Echo(report, a, p), sock=door)  # type: ignore[misc]
    note(report, "ready")
    await asyncio.Event().wait()


asyncio.run(main(json.loads(sys.argv[1])))
