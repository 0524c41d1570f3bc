"""Watch for packets that end in a word of a run: what comes and leaves by the wire, and what is taken in.

Argument: {"word": hex, "protocols": {"4": [numbers], "6": [numbers]}, "report": path}. The word is followed by two
bytes that tell the packets of a run apart. Nothing on the host is changed: a packet socket sees frames as they leave,
behind all rules, and as they come, before any; a raw socket sees what the host takes in, behind all rules. Each
sighting is appended to the report as a line of JSON: {"how": in, out or taken, "interface", "packet": hex}; whom the
host asks the link for (ARP, RFC 826; neighbour solicitation, RFC 4861), as {"how": "asked", "interface", "address"}.
"ready" is the first line.
"""

import json
import select
import socket
import sys
from pathlib import Path
from typing import Any

ETH_P_ALL, ETH_P_IP, ETH_P_ARP, ETH_P_IPV6 = 3, 0x0800, 0x0806, 0x86DD
PACKET_HOST, PACKET_OUTGOING = 0, 4
IPV6_RECVPKTINFO, IPV6_PKTINFO = 49, 50
MARK_BYTES = 2
ROOM = 8 << 20


def frames() -> socket.socket:
    door = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
    return door


def taken(version: str, protocol: int) -> socket.socket | None:
    try:
        family = socket.AF_INET if version == "4" else socket.AF_INET6
        door = socket.socket(family, socket.SOCK_RAW, protocol)
        if version == "6":
            door.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
    except OSError:
        return None
    return door


def whole(door: socket.socket, protocol: int) -> tuple[bytes, str]:
    """Give a packet that was taken in, with an IPv6 header made from what the kernel tells of it."""
    data, hints, _, address = door.recvmsg(65535, 128)
    if door.family == socket.AF_INET:
        return data, ""
    destination, interface = b"\0" * 16, ""
    for level, kind, value in hints:
        if level == socket.IPPROTO_IPV6 and kind == IPV6_PKTINFO:
            destination, number = value[:16], int.from_bytes(value[16:20], sys.byteorder)
            interface = socket.if_indextoname(number)
    source = socket.inet_pton(socket.AF_INET6, address[0].partition("%")[0])
    head = b"\x60\0\0\0" + len(data).to_bytes(2, "big") + bytes([protocol, 64])
    return head + source + destination + data, interface


def sighting(frame: bytes, address: Any, word: bytes) -> dict[str, str] | None:
    interface, kind, direction = address[0], address[1], address[2]
    if kind == ETH_P_ARP and direction == PACKET_OUTGOING and frame[6:8] == b"\0\1":
        return {"how": "asked", "interface": interface, "address": socket.inet_ntoa(frame[24:28])}
    if kind == ETH_P_IPV6 and direction == PACKET_OUTGOING and frame[6:7] == b"\x3a" and frame[40:41] == b"\x87":
        target = socket.inet_ntop(socket.AF_INET6, frame[48:64])
        return {"how": "asked", "interface": interface, "address": target}
    if kind in (ETH_P_IP, ETH_P_IPV6) and frame[-len(word) - MARK_BYTES : -MARK_BYTES] == word and interface != "lo":
        how = {PACKET_HOST: "in", PACKET_OUTGOING: "out"}.get(direction)
        if how is not None:
            return {"how": how, "interface": interface, "packet": frame.hex()}
    return None


def main(parameters: dict[str, Any]) -> None:
    word = bytes.fromhex(parameters["word"])
    wire = frames()
    wanted = [(version, number) for version, numbers in parameters["protocols"].items() for number in numbers]
    doors = {door: number for version, number in wanted if (door := taken(version, number)) is not None}
    with Path(parameters["report"]).open("w", encoding="ascii", buffering=1) as report:
        print("ready", file=report)
        while True:
            for door in select.select([wire, *doors], [], [])[0]:
                if door is wire:
                    frame, address = wire.recvfrom(65535)
                    seen = sighting(frame, address, word)
                else:
                    packet, interface = whole(door, doors[door])
                    known = packet[-len(word) - MARK_BYTES : -MARK_BYTES] == word
                    seen = {"how": "taken", "interface": interface, "packet": packet.hex()} if known else None
                if seen is not None:
                    print(json.dumps(seen), file=report)


main(json.loads(sys.argv[1]))
