"""Send TCP SYN packets whose source address is not the host's own.

Argument: {"mark": int, "source", "destination", "port", "count"}. IPv4 only (RFC 791, RFC 9293). Prints how many left.
"""

import json
import random
import socket
import struct
import sys
from typing import Any

SO_MARK = 36


def checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(source: str, destination: str, port: int) -> bytes:
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    sequence, origin = random.getrandbits(32), random.randint(20000, 60000)  # noqa: S311
    head = struct.pack("!HHIIBBHHH", origin, port, sequence, 0, 5 << 4, 0x02, 64240, 0, 0)
    check = checksum(ends + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(head)) + head)
    head = head[:16] + struct.pack("!H", check) + head[18:]
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(head), 0, 0, 64, socket.IPPROTO_TCP, 0) + ends + head


def main(parameters: dict[str, Any]) -> int:
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.setsockopt(socket.SOL_SOCKET, SO_MARK, parameters["mark"])
        for _ in range(parameters["count"]):
            packet = syn(parameters["source"], parameters["destination"], parameters["port"])
            raw.sendto(packet, (parameters["destination"], 0))
            sent += 1
    return sent


json.dump(main(json.loads(sys.argv[1])), sys.stdout)
