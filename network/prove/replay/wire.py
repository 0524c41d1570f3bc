"""Packets as bytes (RFC 791, 8200, 9293, 768, 792, 4443), with a word at their end by which they are known again."""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from network.prove.semantics.layout import State
from network.prove.semantics.packet import Packet
from network.prove.syntax.numbers import ICMP, ICMPV6, TCP, UDP, WITH_PORTS

_WRONG = 0x5A5A


def encode(packet: Packet, word: bytes) -> bytes:
    """Give a packet's bytes, from its IP header on. One that conntrack is to call INVALID gets a wrong checksum."""
    source, destination = _address(packet.src, packet.family), _address(packet.dst, packet.family)
    payload = _payload(packet, word)
    place = {TCP: 16, UDP: 6, ICMP: 2, ICMPV6: 2}.get(packet.protocol)
    if place is not None:
        pseudo = b"" if packet.protocol == ICMP else _pseudo(packet, source + destination, len(payload))
        check = checksum(pseudo + payload)
        if packet.protocol == UDP and check == 0:
            check = 0xFFFF
        if packet.state is State.INVALID:
            check ^= _WRONG
        payload = payload[:place] + struct.pack("!H", check) + payload[place + 2 :]
    if packet.family == 6:
        head = struct.pack("!IHBB", 6 << 28, len(payload), packet.protocol, packet.hops)
        return head + source + destination + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, packet.hops, packet.protocol, 0)
    check = checksum(head + source + destination)
    return head[:10] + struct.pack("!H", check) + source + destination + payload


def _address(address: int, family: int) -> bytes:
    return (IPv4Address(address) if family == 4 else IPv6Address(address)).packed


def _pseudo(packet: Packet, ends: bytes, length: int) -> bytes:
    if packet.family == 4:
        return ends + struct.pack("!BBH", 0, packet.protocol, length)
    return ends + struct.pack("!IHBB", length, 0, 0, packet.protocol)


def _payload(packet: Packet, word: bytes) -> bytes:
    match packet.protocol:
        case 6:
            offset_and_flags = 5 << 12 | packet.flags
            return struct.pack("!HHIIHHHH", packet.sport, packet.dport, 1, 0, offset_and_flags, 64240, 0, 0) + word
        case 17:
            return struct.pack("!HHHH", packet.sport, packet.dport, 8 + len(word), 0) + word
        case 1 | 58:
            return struct.pack("!BBHHH", packet.dport >> 8, packet.dport & 255, 0, packet.sport, 1) + word
        case _:
            return word


def checksum(data: bytes) -> int:
    """Give the Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass(frozen=True)
class Header:
    """What can be told of a packet that was seen. `dport` of ICMP is type * 256 + code; without ports it is 0."""

    family: int
    protocol: int
    src: int
    dst: int
    dport: int


def decode(data: bytes) -> Header:
    """Read a packet's header. Raises ValueError for what is no IP packet."""
    version = data[0] >> 4 if data else 0
    if version == 4 and len(data) >= 20:
        start, protocol = (data[0] & 15) * 4, data[9]
        src, dst = int.from_bytes(data[12:16]), int.from_bytes(data[16:20])
    elif version == 6 and len(data) >= 40:
        start, protocol = 40, data[6]
        src, dst = int.from_bytes(data[8:24]), int.from_bytes(data[24:40])
    else:
        raise ValueError("this is no IP packet")
    dport = 0
    if protocol in {ICMP, ICMPV6}:
        dport = int.from_bytes(data[start : start + 2])
    elif protocol in WITH_PORTS:
        dport = int.from_bytes(data[start + 2 : start + 4])
    return Header(version, protocol, src, dst, dport)
