"""The firewall in the kernel: new connections a second with one flow and with a thousand, and how fast rules load."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

from network.compile.iptables import compile_host
from network.model import Leg, Model
from tests.bench.row import Row
from tests.unit.compile.fleets import Builder
from tests.unit.compile.namespaces import Namespaces

MANY = 1000
LOADED = 10_000
ROUNDS = 5
SECONDS = 2.0
_FIRST = 10_000

# Opens connections one after the other for so many seconds and prints how many a second. They end with a reset, so that
# no address is used up by waiting ones.
_CALL = """
import socket, struct, sys, time
to, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
count, end = 0, time.monotonic() + seconds
while time.monotonic() < end:
    with socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.connect((to, port))
    count += 1
print(count / seconds)
"""
_ANSWER = """
import socket, sys
with socket.socket() as door:
    door.bind(("", int(sys.argv[1])))
    door.listen(512)
    print("ready", flush=True)
    while True:
        door.accept()[0].close()
"""


def fleet(flows: int) -> Model:
    """Return a fleet in which one host may call another, behind the inner firewall, on so many ports."""
    builder = Builder(4, False)
    builder.host("a", {2: 10})
    builder.host("b", {3: 10})
    for number in range(flows):
        builder.flow(("a",), ("b",), ("tcp", _FIRST + 2 * number, _FIRST + 2 * number))
    return builder.model()


def linear(model: Model) -> str:
    """Return the inner firewall's filter as most are written: a rule for each flow, one after the other."""
    one, other = (str(model.fleet.hosts[name].legs[0].address) for name in ("a", "b"))
    rules = [
        f"-A FORWARD -s {one}/32 -d {other}/32 -p tcp -m tcp --dport {flow.services[0].first} "
        "-m conntrack --ctstate NEW -j ACCEPT"
        for flow in model.flows
    ]
    begin = [
        "*filter",
        ":INPUT ACCEPT [0:0]",
        ":FORWARD DROP [0:0]",
        ":OUTPUT ACCEPT [0:0]",
        "-A FORWARD -m conntrack --ctstate INVALID -j DROP",
        "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ]
    return "\n".join([*begin, *rules, "COMMIT", ""])


def measure() -> list[Row]:
    """Measure in namespaces of this machine, each round one after the other, and take medians."""
    one, many, lined = _rates()
    shared = f"{MANY} flows as plain linear rules"
    return [
        Row("new connections, one flow", one, "/s", shared, lined, "told"),
        Row(f"new connections, {MANY} flows", many, "/s", "one flow", one, "ratio 0.95 or more"),
        Row(f"new connections, {MANY} flows", many, "/s", shared, lined, "told"),
        _loading(),
    ]


def _rates() -> tuple[float, float, float]:
    single, large = fleet(1), fleet(MANY)
    last = large.flows[-1].services[0].first
    with _calling(single) as call_one, _calling(large) as call_many, _calling(large, linear(large)) as call_linear:
        rounds = [(call_one(_FIRST), call_many(last), call_linear(last)) for _ in range(ROUNDS)]
    one, many, lined = (median(each) for each in zip(*rounds, strict=True))
    return one, many, lined


@contextmanager
def _calling(model: Model, instead: str = "") -> Iterator["_Call"]:
    """Give a function that returns connections a second to a port; `instead` replaces the inner firewall's filter."""
    strangers: dict[str, Leg] = {}
    with Namespaces(model, strangers, ()) as hosts:
        if instead:
            hosts.command("core1", "iptables-restore", given=instead)
        yield _Call(hosts, str(model.fleet.hosts["b"].legs[0].address))


class _Call:
    def __init__(self, hosts: Namespaces, address: str) -> None:
        self._hosts = hosts
        self._address = address

    def __call__(self, port: int) -> float:
        order = self._hosts.inside("b", sys.executable, "-c", _ANSWER, str(port))
        with subprocess.Popen(order, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                server.stdout.readline()
                return float(
                    self._hosts.command("a", sys.executable, "-c", _CALL, self._address, str(port), str(SECONDS))
                )
            finally:
                server.kill()


def _loading() -> Row:
    model = fleet(LOADED)
    text = compile_host(model, "core1")
    plain = linear(model)
    empty = fleet(1)
    with Namespaces(empty, {}, ()) as hosts:
        hosts.command("core1", "ipset", "flush")
        for chain in ("raw", "nat", "filter"):
            hosts.command("core1", "iptables", "-t", chain, "-F")
        hosts.command("core1", "iptables", "-X")
        hosts.command("core1", "ipset", "destroy")
        hosts.command("core1", "ipset", "restore", given=text.sets)
        ours = _seconds(lambda: hosts.command("core1", "iptables-restore", given=text.v4))
        reference = _seconds(lambda: hosts.command("core1", "iptables-restore", given=plain))
    what = f"iptables-restore of {LOADED} flows"
    return Row(what, 1000 * ours, "ms", "the same as linear rules", 1000 * reference, "< 400 ms")


def _seconds(deed: Callable[[], object]) -> float:
    start = time.monotonic()
    deed()
    return time.monotonic() - start
