"""A fleet in network namespaces of this machine: every host with its legs, routes, rules and sets, and nothing else.

Segments are bridges in a namespace of their own, so no interface of the machine is touched. Sockets are opened by this
process, in a thread that enters the host's namespace. Only root may do this.
"""

import ctypes
import os
import selectors
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from network.compile.iptables import compile_host
from network.compile.routes import routes
from network.model import Leg, Model

CLONE_NEWNET = 0x40000000
IP_RECVERR = 11
IPV6_RECVERR = 25
NUMBERS = count()
T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """What became of a connection: answered, prohibited (an ICMP error came back), refused, or dropped (no answer).

    `host` answered it, and saw it come from `peer`.
    """

    what: str
    host: str = ""
    peer: str = ""


class Namespaces:
    """The hosts of a model, and strangers (name to leg) that have neither rules nor routes.

    Every host listens on the same TCP ports, tells who it is and who asks.
    """

    def __init__(self, model: Model, strangers: dict[str, Leg], ports: Iterable[int]) -> None:
        self._model = model
        self._legs = {name: host.legs for name, host in model.fleet.hosts.items()}
        self._legs |= {name: (leg,) for name, leg in strangers.items()}
        self._ports = tuple(ports)
        self._prefix = f"sallyport-test-{os.getpid()}-{next(NUMBERS)}-"
        self._stack = ExitStack()
        self._stop = threading.Event()

    def __enter__(self) -> "Namespaces":
        _tidy()
        with self._stack:
            self._segments()
            for number, host in enumerate(self._legs):
                self._wire(number, host)
            for host in self._model.fleet.hosts:
                self.load(host)
            self._listen()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def command(self, host: str, *command: str, given: str = "") -> str:
        """Run a command in a host's namespace and return what it prints."""
        return _run(*self.inside(host, *command), given=given)

    def inside(self, host: str, *command: str) -> list[str]:
        """Return the command that runs another one in a host's namespace."""
        return ["ip", "netns", "exec", self._prefix + host, *command]

    def load(self, host: str) -> None:
        """Give a host what is compiled for it."""
        firewall = compile_host(self._model, host)
        self.command(host, "ipset", "restore", given=firewall.sets)
        self.command(host, "iptables-restore", given=firewall.v4)
        self.command(host, "ip6tables-restore", given=firewall.v6)

    def open(self, host: str) -> None:
        """Take a host's rules away, as an intruder who has become root there would."""
        for table in ("raw", "nat", "filter"):
            self.command(host, "iptables", "-t", table, "-F")
        for chain in ("INPUT", "FORWARD", "OUTPUT"):
            self.command(host, "iptables", "-P", chain, "ACCEPT")

    def counted(self, host: str, comment: str, version: int = 4) -> int:
        """Return how many packets met the rules of a host with this comment."""
        saved = self.command(host, "iptables-save" if version == 4 else "ip6tables-save", "-c")
        return sum(int(line[1:].split(":")[0]) for line in saved.splitlines() if f'--comment "{comment}"' in line)

    def connect(self, host: str, to: str, port: int, *, source: str = "", wait: float = 5, hops: int = 64) -> Answer:
        """Open a TCP connection from a host and wait so many seconds for an answer. `hops` is for IPv4 only."""

        def attempt() -> Answer:
            with socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET) as link:
                link.settimeout(wait)
                if ":" in to:
                    link.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
                else:
                    link.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
                    link.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
                if source:
                    link.bind((source, 0))
                try:
                    link.connect((to, port))
                    answered, peer = link.recv(200).decode().split()
                except TimeoutError:
                    return Answer("dropped")
                except ConnectionRefusedError:
                    return Answer("refused")
                except OSError:
                    return Answer("prohibited")
                return Answer("answered", answered, peer)

        return self._inside(host, attempt)

    def stray(self, host: str, source: str, to: str, port: int) -> None:
        """Send a TCP acknowledgement that belongs to no connection."""
        header = struct.pack("!HHIIBBHHH", 40000, port, 1, 1, 5 << 4, 0x10, 1024, 0, 0)
        pseudo = socket.inet_aton(source) + socket.inet_aton(to) + struct.pack("!BBH", 0, socket.IPPROTO_TCP, 20)
        total = sum(struct.unpack("!16H", pseudo + header))
        total = (total & 0xFFFF) + (total >> 16)
        check = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF

        def send() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as link:
                link.bind((source, 0))
                link.sendto(header[:16] + struct.pack("!H", check) + header[18:], (to, 0))

        self._inside(host, send)

    def _segments(self) -> None:
        self._namespace("segments")
        bridges = [f"link add br{number} up type bridge" for number in range(len(self._model.fleet.zones))]
        self._ip("segments", bridges)

    def _namespace(self, name: str) -> None:
        _run("ip", "netns", "add", self._prefix + name)
        self._stack.callback(_run, "ip", "netns", "delete", self._prefix + name)

    def _wire(self, number: int, host: str) -> None:
        """Make a host's namespace, legs, routes and settings. The reverse path filter is left to the rules."""
        self._namespace(host)
        zones = list(self._model.fleet.zones)
        there: list[str] = ["link set lo up"]
        for index, leg in enumerate(self._legs[host]):
            port, bridge = f"p{number}x{index}", f"br{zones.index(leg.zone)}"
            self._ip(
                "segments",
                [f"link add {port} master {bridge} up type veth peer name eth{index} netns {self._prefix}{host}"],
            )
            unique = " nodad" if leg.address.version == 6 else ""
            there.append(f"address add {leg.address}/{leg.network.prefixlen} dev eth{index}{unique}")
            there.append(f"link set eth{index} up")
        there += [
            f"route add {route['to']} via {route['via']}" if "via" in route else f"route add unreachable {route['to']}"
            for route in (routes(self._model, host) if host in self._model.fleet.hosts else ())
        ]
        self._ip(host, there)
        settings = ["net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"]
        settings += [f"net.ipv4.conf.eth{index}.rp_filter=0" for index in range(len(self._legs[host]))]
        forwards = host in self._model.fleet.hosts and self._model.fleet.hosts[host].firewall
        settings += [f"net.ipv4.ip_forward={int(forwards)}", f"net.ipv6.conf.all.forwarding={int(forwards)}"]
        self.command(host, "sysctl", "-q", "-w", *settings)

    def _ip(self, name: str, lines: list[str]) -> None:
        _run("ip", "-n", self._prefix + name, "-batch", "-", given="\n".join(lines))

    def _inside(self, host: str, action: Callable[[], T]) -> T:
        """Do something in a thread that has entered the host's namespace; sockets that it opens stay there."""
        results: list[T] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                with Path("/run/netns", self._prefix + host).open() as place:
                    if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                results.append(action())
            except BaseException as error:  # handed to the caller
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    def _listen(self) -> None:
        """Listen everywhere, with one thread that answers for all."""
        selector = self._stack.enter_context(selectors.DefaultSelector())
        for host in self._legs:
            for port in self._ports:
                link = self._inside(host, lambda port=port: _listener(port))  # type: ignore[misc]
                selector.register(self._stack.enter_context(link), selectors.EVENT_READ, host)
        thread = threading.Thread(target=self._serve, args=(selector,))
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(self._stop.set)

    def _serve(self, selector: selectors.BaseSelector) -> None:
        while not self._stop.is_set():
            for key, _ in selector.select(timeout=0.1):
                listener = key.fileobj
                assert isinstance(listener, socket.socket)
                link, peer = listener.accept()
                with link:
                    link.sendall(f"{key.data} {peer[0].removeprefix('::ffff:')}".encode())


def _listener(port: int) -> socket.socket:
    link = socket.socket(socket.AF_INET6)
    link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    link.bind(("", port))
    link.listen()
    return link


def _tidy() -> None:
    """Delete what a run that was killed has left behind."""
    for place in Path("/run/netns").glob("sallyport-test-*"):
        if not Path("/proc", place.name.split("-")[2]).exists():
            _run("ip", "netns", "delete", place.name)


def _run(*command: str, given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stderr}")
    return done.stdout
