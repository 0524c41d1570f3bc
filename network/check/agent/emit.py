"""Send packets byte for byte, through the host's own stack or straight onto a link.

Reads JSON from standard input: {"pace": packets a second, "packets": [{"packet": hex, "destination": address} or
{"packet": hex, "interface": name, "mac": address}]}. The first kind goes through the host's OUTPUT rules and routes;
the second past them, as from somebody on the link who has no rules. Prints a word per packet: sent, or "refused: …"
where the host itself does not let it go.
"""

import json
import socket
import sys
import time
from typing import Any

IPPROTO_IPV6, IPV6_HDRINCL = 41, 36


def by_stack(packet: bytes, destination: str) -> None:
    six = ":" in destination
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as door:
        if six:
            door.setsockopt(IPPROTO_IPV6, IPV6_HDRINCL, 1)
        else:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        door.sendto(packet, (destination, 0))


def by_link(packet: bytes, interface: str, mac: str) -> None:
    kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as door:
        door.sendto(packet, (interface, kind, 0, 0, bytes.fromhex(mac.replace(":", ""))))


def send(order: dict[str, Any]) -> str:
    packet = bytes.fromhex(order["packet"])
    try:
        if "interface" in order:
            by_link(packet, order["interface"], order["mac"])
        else:
            by_stack(packet, order["destination"])
    except OSError as error:
        return f"refused: {error.strerror}"
    return "sent"


def main(parameters: dict[str, Any]) -> list[str]:
    said = []
    for order in parameters["packets"]:
        said.append(send(order))
        time.sleep(1 / parameters["pace"])
    return said


json.dump(main(json.load(sys.stdin)), sys.stdout)
