"""A host of network namespaces: rules are loaded into a real kernel, packets sent, and what comes out is seen.

::

    sender ── eth0 [ tested ] eth1 ── receiver

The tested namespace has 10.0.0.1/24 on eth0, 10.0.1.1/24 on eth1 and a default route behind eth1. Packets are put on
the wire as they are, so their source can be anything. Nothing leaves the namespaces.
"""

import ctypes
import os
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from threading import Thread

from network.prove.replay.wire import checksum
from network.prove.semantics.packet import Packet

_ETH_IPV4 = 0x0800
_CLONE_NEWNET = 0x40000000
_RECEIVER_MAC = "02:00:00:00:00:03"
_SENDER_MAC = "02:00:00:00:00:01"
_TESTED_MAC = "02:00:00:00:00:02"
_NEIGHBOURS = ("10.0.1.2", "10.0.1.9")
_MARK = b"sallyport"


@dataclass(frozen=True)
class Seen:
    """Where a packet came out: an interface's name, or nothing for the host itself; and with which destination."""

    interface: str
    dst: int
    dport: int


def run(namespace: str, command: str, text: str = "") -> str:
    full = ["ip", "netns", "exec", namespace, "sh", "-c", command]
    done = subprocess.run(full, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr or done.stdout}\n{text}")
    return done.stdout


class Host:
    """The three namespaces, while they exist."""

    def __init__(self) -> None:
        suffix = os.getpid()
        self.sender, self.tested, self.receiver = (f"sp-{role}-{suffix}" for role in ("sender", "tested", "receiver"))

    def build(self) -> None:
        for name in self._names():
            subprocess.run(["ip", "netns", "add", name], check=True)
        self._wire("eth0", _TESTED_MAC, self.sender, _SENDER_MAC)
        self._wire("eth1", _TESTED_MAC, self.receiver, _RECEIVER_MAC)
        run(
            self.tested,
            "ip link set lo up; sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv4.ip_forward=1; "
            "ip address add 10.0.0.1/24 dev eth0; ip address add 10.0.1.1/24 dev eth1; ip link set eth0 up; "
            f"ip link set eth1 up; ip neigh add 10.0.0.2 lladdr {_SENDER_MAC} dev eth0; "
            f"ip neigh add 10.0.0.3 lladdr {_SENDER_MAC} dev eth0; "
            + "".join(f"ip neigh add {address} lladdr {_RECEIVER_MAC} dev eth1; " for address in _NEIGHBOURS)
            + "ip route add default via 10.0.1.9; ip route add unreachable 192.0.2.8",
        )

    def remove(self) -> None:
        for name in self._names():
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    def _names(self) -> tuple[str, str, str]:
        return self.sender, self.tested, self.receiver

    def _wire(self, interface: str, mac: str, other: str, other_mac: str) -> None:
        run(
            self.tested,
            f"ip link add {interface} address {mac} type veth peer name wire address {other_mac} netns {other}",
        )
        run(other, "sysctl -qw net.ipv6.conf.all.disable_ipv6=1; ip link set wire up")

    def load(self, rules: str, sets: str) -> None:
        run(self.tested, "ipset restore", sets)
        run(self.tested, "iptables-restore", rules)

    def gather(self, script: str) -> str:
        return run(self.tested, "sh -s", script)

    def send(self, packets: Sequence[Packet]) -> list[Seen | None]:
        """Put packets on eth0's wire, and give where each came out."""
        with self._listening() as ears:
            mouth = _socket(self.sender, socket.AF_PACKET, socket.SOCK_RAW, 0)
            mouth.bind(("wire", 0))
            for number, packet in enumerate(packets):
                mouth.send(frame(packet, number))
            mouth.close()
            time.sleep(0.1)
            found: list[Seen | None] = [None] * len(packets)
            for interface, ear in ears:
                for number, seen in _heard(ear, interface):
                    found[number] = seen
        return found

    @contextmanager
    def _listening(self) -> Iterator[list[tuple[str, socket.socket]]]:
        ears = [("", _socket(self.tested, socket.AF_INET, socket.SOCK_RAW, protocol)) for protocol in (1, 6, 17, 47)]
        for interface, namespace in (("eth0", self.sender), ("eth1", self.receiver)):
            ear = _socket(namespace, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_IPV4))
            ear.bind(("wire", _ETH_IPV4))
            ears.append((interface, ear))
        for _, ear in ears:
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            ear.setblocking(False)
        try:
            yield ears
        finally:
            for _, ear in ears:
                ear.close()


def _socket(namespace: str, family: int, kind: int, protocol: int) -> socket.socket:
    """Open a socket that belongs to a namespace. A thread goes there, for a namespace is a thread's own."""
    opened: list[socket.socket] = []

    def enter() -> None:
        with open(f"/run/netns/{namespace}") as handle:  # noqa: PTH123 (its file descriptor is what is needed)
            if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {namespace}")
            opened.append(socket.socket(family, kind, protocol))

    thread = Thread(target=enter)
    thread.start()
    thread.join()
    return opened[0]


def _heard(ear: socket.socket, interface: str) -> Iterator[tuple[int, Seen]]:
    while True:
        try:
            data, address = ear.recvfrom(65535)
        except BlockingIOError:
            return
        if interface:
            if address[2] == socket.PACKET_OUTGOING:
                continue
            data = data[14:]
        start = data.find(_MARK)
        if start < 0 or (data[9] == 1 and data[20] in {3, 11}):
            continue  # an error that quotes the packet is not the packet
        number = struct.unpack("!I", data[start + len(_MARK) :][:4])[0]
        destination = int.from_bytes(data[16:20])
        header = data[20:24]
        dport = header[0] * 256 + header[1] if data[9] == 1 else int.from_bytes(header[2:4])
        yield number, Seen(interface, destination, dport if data[9] != 47 else 0)


def frame(packet: Packet, number: int) -> bytes:
    """Give an Ethernet frame; its payload says which packet it is."""
    payload = _MARK + struct.pack("!I", number)
    body = _body(packet, payload)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), number & 0xFFFF, 0, packet.hops, packet.protocol, 0)
    addresses = IPv4Address(packet.src).packed + IPv4Address(packet.dst).packed
    header = header[:10] + struct.pack("!H", checksum(header + addresses)) + addresses
    return bytes.fromhex((_TESTED_MAC + _SENDER_MAC).replace(":", "")) + struct.pack("!H", _ETH_IPV4) + header + body


def _body(packet: Packet, payload: bytes) -> bytes:
    if packet.protocol == 1:
        start = struct.pack("!BB", packet.dport >> 8, packet.dport & 255)
        rest = struct.pack("!HH", packet.sport, 1) + payload
        return start + struct.pack("!H", checksum(start + b"\0\0" + rest)) + rest
    if packet.protocol == 47:
        return struct.pack("!HH", 0, _ETH_IPV4) + payload
    pseudo = IPv4Address(packet.src).packed + IPv4Address(packet.dst).packed + struct.pack("!BB", 0, packet.protocol)
    ports = struct.pack("!HH", packet.sport, packet.dport)
    if packet.protocol == 17:
        size = struct.pack("!H", 8 + len(payload))
        return (
            ports
            + size
            + struct.pack("!H", checksum(pseudo + size + ports + size + b"\0\0" + payload) or 0xFFFF)
            + payload
        )
    middle = struct.pack("!IIBBH", 1, 1 if packet.flags & 16 else 0, 0x50, packet.flags, 1024)
    size = struct.pack("!H", 20 + len(payload))
    total = checksum(pseudo + size + ports + middle + b"\0\0\0\0" + payload)
    return ports + middle + struct.pack("!HH", total, 0) + payload
