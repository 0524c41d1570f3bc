"""A host of network namespaces: rules are loaded into a real kernel, packets sent, and what comes out is seen.

::

    sender ── eth0 [ tested ] eth1 ── receiver

The tested namespace has 10.0.0.1/24 on eth0, 10.0.1.1/24 on eth1 and a default route behind eth1, or the same with IPv6
addresses. Packets are put on the wire as they are, so their source can be anything. Nothing leaves the namespaces.
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
from threading import Thread

from network.prove.replay.wire import checksum
from network.prove.semantics.packet import Packet

_ETH_IPV4 = 0x0800
_ETHERTYPES = {4: _ETH_IPV4, 6: 0x86DD}
_PROTOCOLS = {4: (1, 6, 17, 47), 6: (6, 17, 47, 58)}
ERRORS = {1: (3, 11), 58: (1, 3)}
"""ICMP's errors (unreachable, time exceeded), which quote a packet. Packets of these types are not to be sent."""
_CLONE_NEWNET = 0x40000000
_RECEIVER_MAC = "02:00:00:00:00:03"
_SENDER_MAC = "02:00:00:00:00:01"
_TESTED_MAC = "02:00:00:00:00:02"
_SETTINGS = {
    4: "net.ipv6.conf.all.disable_ipv6=1 net.ipv4.ip_forward=1",
    6: "net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.all.forwarding=1",
}
_LEGS = ("eth0", "eth1")
_OWN = {4: ("10.0.0.1/24", "10.0.1.1/24"), 6: ("2001:db8::1/64", "2001:db8:1::1/64")}
_NEIGHBOURS = {
    4: (("10.0.0.2", "10.0.0.3"), ("10.0.1.2", "10.0.1.9")),
    6: (("2001:db8::2", "2001:db8::3", "fe80::1", "fe80::2"), ("2001:db8:1::2", "2001:db8:1::9")),
}
_ROUTES = {
    4: ("default via 10.0.1.9", "unreachable 192.0.2.8"),
    6: ("default via 2001:db8:1::9", "unreachable 2001:db8:2::a"),
}
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
    """The three namespaces for one family, while they exist."""

    def __init__(self, family: int) -> None:
        self.family = family
        suffix = os.getpid()
        self.sender, self.tested, self.receiver = (f"sp-{role}-{suffix}" for role in ("sender", "tested", "receiver"))

    def build(self) -> None:
        for name in self._names():
            subprocess.run(["ip", "netns", "add", name], check=True)
        run(self.tested, f"sysctl -qw {_SETTINGS[self.family]}")
        self._wire("eth0", _TESTED_MAC, self.sender, _SENDER_MAC)
        self._wire("eth1", _TESTED_MAC, self.receiver, _RECEIVER_MAC)
        near, far = _NEIGHBOURS[self.family]
        neighbours = [("eth0", _SENDER_MAC, each) for each in near] + [("eth1", _RECEIVER_MAC, each) for each in far]
        commands = [
            "ip link set lo up",
            *(f"ip address add {own} dev {name}" for own, name in zip(_OWN[self.family], _LEGS, strict=True)),
            "ip link set eth0 up",
            "ip link set eth1 up",
            *(f"ip neigh add {each} lladdr {mac} dev {name}" for name, mac, each in neighbours),
            *(f"ip -{self.family} route add {route}" for route in _ROUTES[self.family]),
        ]
        if self.family == 6:  # the kernel adds the addresses of the link a little later
            commands += [f"until ip -6 route show dev {name} | grep -q fe80; do sleep 0.05; done" for name in _LEGS]
        run(self.tested, " && ".join(commands))

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
        run(self.tested, "iptables-restore" if self.family == 4 else "ip6tables-restore", rules)

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
            found: list[Seen | None] = [None] * len(packets)
            more = True
            while more:  # until nothing has come for a while: a busy machine takes its time
                time.sleep(0.1)
                more = False
                for interface, ear in ears:
                    for number, seen in _heard(ear, interface, self.family):
                        found[number], more = seen, True
        return found

    @contextmanager
    def _listening(self) -> Iterator[list[tuple[str, socket.socket]]]:
        kind = socket.AF_INET if self.family == 4 else socket.AF_INET6
        taken = [_socket(self.tested, kind, socket.SOCK_RAW, protocol) for protocol in _PROTOCOLS[self.family]]
        if self.family == 6:
            for ear in taken:
                ear.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        ears = [("", ear) for ear in taken]
        for interface, namespace in (("eth0", self.sender), ("eth1", self.receiver)):
            ethertype = _ETHERTYPES[self.family]
            ear = _socket(namespace, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
            ear.bind(("wire", ethertype))
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


def _heard(ear: socket.socket, interface: str, family: int) -> Iterator[tuple[int, Seen]]:
    while True:
        try:
            data, extras, _, address = ear.recvmsg(65535, 256)
        except BlockingIOError:
            return
        protocol = ear.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL)
        if interface:
            if address[2] == socket.PACKET_OUTGOING:
                continue
            data = data[14:]
        if family == 6 and not interface:  # such a socket hands over what comes behind the IP header
            destination = int.from_bytes(next(value for _, kind, value in extras if kind == socket.IPV6_PKTINFO)[:16])
            header = data[:4]
        else:
            start, place, at = (20, slice(16, 20), 9) if family == 4 else (40, slice(24, 40), 6)
            destination, header, protocol = int.from_bytes(data[place]), data[start : start + 4], data[at]
        start = data.find(_MARK)
        if start < 0 or (protocol in ERRORS and header[0] in ERRORS[protocol]):
            continue  # an error that quotes the packet is not the packet
        number = struct.unpack("!I", data[start + len(_MARK) :][:4])[0]
        dport = int.from_bytes(header[:2]) if protocol in ERRORS else int.from_bytes(header[2:4])
        yield number, Seen(interface, destination, dport if protocol != 47 else 0)


def frame(packet: Packet, number: int) -> bytes:
    """Give an Ethernet frame; its payload says which packet it is."""
    body = _body(packet, _MARK + struct.pack("!I", number))
    if packet.family == 6:
        header = struct.pack("!IHBB", 6 << 28, len(body), packet.protocol, packet.hops) + _ends(packet)
    else:
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), number & 0xFFFF, 0, packet.hops, packet.protocol, 0)
        header = header[:10] + struct.pack("!H", checksum(header + _ends(packet))) + _ends(packet)
    kind = struct.pack("!H", _ETHERTYPES[packet.family])
    return bytes.fromhex((_TESTED_MAC + _SENDER_MAC).replace(":", "")) + kind + header + body


def _ends(packet: Packet) -> bytes:
    return b"".join(end.to_bytes(4 if packet.family == 4 else 16) for end in (packet.src, packet.dst))


def _pseudo(packet: Packet, length: int) -> bytes:
    """Give the pseudo header that checksums cover (RFC 9293, 3.1, and RFC 8200, 8.1). ICMP for IPv4 has none."""
    if packet.protocol == 1:
        return b""
    if packet.family == 6:
        return _ends(packet) + struct.pack("!IHBB", length, 0, 0, packet.protocol)
    return _ends(packet) + struct.pack("!BBH", 0, packet.protocol, length)


def _body(packet: Packet, payload: bytes) -> bytes:
    if packet.protocol in ERRORS:
        start = struct.pack("!BB", packet.dport >> 8, packet.dport & 255)
        rest = struct.pack("!HH", packet.sport, 1) + payload
        total = checksum(_pseudo(packet, 4 + len(rest)) + start + b"\0\0" + rest)
        return start + struct.pack("!H", total) + rest
    if packet.protocol == 47:
        return struct.pack("!HH", 0, _ETH_IPV4) + payload
    ports = struct.pack("!HH", packet.sport, packet.dport)
    if packet.protocol == 17:
        size = struct.pack("!H", 8 + len(payload))
        total = checksum(_pseudo(packet, 8 + len(payload)) + ports + size + b"\0\0" + payload) or 0xFFFF
        return ports + size + struct.pack("!H", total) + payload
    middle = struct.pack("!IIBBH", 1, 1 if packet.flags & 16 else 0, 0x50, packet.flags, 1024)
    total = checksum(_pseudo(packet, 20 + len(payload)) + ports + middle + b"\0\0\0\0" + payload)
    return ports + middle + struct.pack("!HH", total, 0) + payload
