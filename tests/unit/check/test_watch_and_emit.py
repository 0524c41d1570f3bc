"""The agents that send and watch replayed packets, between two network namespaces, in both families."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from network.check.shell import agent_command
from network.prove.replay.wire import Header, decode, encode
from network.prove.semantics.layout import State
from network.prove.semantics.packet import Packet
from network.prove.syntax.addresses import parse_address

WORD = b"watched!"
_MAC = "02:00:00:00:00:02"
_ENDS = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}


@dataclass(frozen=True)
class Pair:
    """Two namespaces on one wire: `here` sends, `there` takes in all but port 9, and writes to `report`."""

    here: str
    there: str
    report: Path


def inside(namespace: str, command: str, given: str = "") -> str:
    order = ["ip", "netns", "exec", namespace, "/bin/sh", "-c", command]
    return subprocess.run(order, input=given, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(f"sp-here-{os.getpid()}", f"sp-there-{os.getpid()}", tmp_path / "report")
    try:
        for name in (made.here, made.there):
            subprocess.run(["ip", "netns", "add", name], check=True)
        inside(made.here, f"ip link add w0 type veth peer name w0 address {_MAC} netns {made.there}")
        for name, which in ((made.here, 0), (made.there, 1)):
            addresses = (
                f"ip address add {_ENDS[4][which]}/24 dev w0",
                f"ip address add {_ENDS[6][which]}/64 nodad dev w0",
            )
            inside(name, f"{addresses[0]}; {addresses[1]}; ip link set w0 up; ip link set lo up")
        for program in ("iptables", "ip6tables"):
            inside(made.there, f"{program} -w -A INPUT -p udp --dport 9 -j DROP")
            inside(made.here, f"{program} -w -A OUTPUT -p udp --dport 7 -j DROP")
        for family in _ENDS:
            acquaint(made.here, _ENDS[family][1])
        protocols = {"4": [1, 6, 17], "6": [6, 17, 58]}
        watch = agent_command("watch", {"word": WORD.hex(), "protocols": protocols, "report": str(made.report)})
        order = ["ip", "netns", "exec", made.there, "/bin/sh", "-c", f"exec {watch}"]
        with subprocess.Popen(order) as process:
            deadline = time.monotonic() + 10
            while (not made.report.exists() or not made.report.read_text()) and time.monotonic() < deadline:
                time.sleep(0.02)
            yield made
            process.terminate()
    finally:
        for name in (made.here, made.there):
            subprocess.run(["ip", "netns", "del", name], check=False)


def acquaint(namespace: str, address: str) -> None:
    """Have a namespace find its neighbour first: on a busy machine that takes a second and more, and packets wait."""
    knock = f"bash -c 'echo > /dev/udp/{address}/9'; ip neigh show to {address} | grep -q lladdr"
    deadline = time.monotonic() + 10
    while subprocess.run(["ip", "netns", "exec", namespace, "/bin/sh", "-c", knock], check=False).returncode:
        assert time.monotonic() < deadline, f"{namespace} does not find {address}"
        time.sleep(0.05)


def packet(family: int, protocol: int, dport: int, source: str = "") -> Packet:
    src = parse_address(source or _ENDS[family][0], family)
    return Packet(
        family, State.NEW, "", "", protocol, src, parse_address(_ENDS[family][1], family), 40000, dport, 2, 64
    )


def emit(pair: Pair, packets: list[Packet], *, link: bool) -> list[str]:
    orders = []
    for number, each in enumerate(packets):
        way = {"interface": "w0", "mac": _MAC} if link else {"destination": _ENDS[each.family][1]}
        orders.append({"packet": encode(each, WORD + number.to_bytes(2, "big")).hex(), **way})
    said = inside(pair.here, agent_command("emit", None), json.dumps({"pace": 100, "packets": orders}))
    time.sleep(0.3)
    found: list[str] = json.loads(said)
    return found


def seen(pair: Pair, how: str) -> list[Header]:
    first, *lines = pair.report.read_text().splitlines()
    assert first == "ready"
    records = [json.loads(line) for line in lines]
    return [decode(bytes.fromhex(each["packet"])) for each in records if each["how"] == how]


@pytest.mark.thorough
@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("family", [4, 6])
def test_what_comes_and_what_is_taken_in_are_told_apart(pair: Pair, family: int, *, link: bool) -> None:
    forged = packet(family, 6, 443, "198.51.100.9" if family == 4 else "2001:db8:9::9")
    ping = packet(family, 1, 8 * 256) if family == 4 else packet(family, 58, 128 * 256)
    sent = [packet(family, 6, 443), packet(family, 17, 53), ping, forged, packet(family, 17, 9)]
    assert emit(pair, sent, link=link) == ["sent"] * len(sent)
    headers = [Header(family, each.protocol, each.src, each.dst, each.dport) for each in sent]
    assert seen(pair, "in") == headers
    assert sorted(map(str, seen(pair, "taken"))) == sorted(map(str, headers[:4]))


@pytest.mark.thorough
@pytest.mark.parametrize("family", [4, 6])
def test_the_host_s_own_rules_hold_for_its_stack_and_not_for_the_link(pair: Pair, family: int) -> None:
    refused = packet(family, 17, 7)
    assert emit(pair, [refused], link=False)[0].startswith("refused")
    assert seen(pair, "in") == []
    assert emit(pair, [refused], link=True) == ["sent"]
    assert len(seen(pair, "in")) == 1


@pytest.mark.thorough
@pytest.mark.parametrize(("family", "nobody"), [(4, "192.0.2.77"), (6, "2001:db8::77")])
def test_asking_the_link_for_somebody_is_seen(pair: Pair, family: int, nobody: str) -> None:
    # The other side asks for who sent it something, and answers to somebody who is not there.
    emit(pair, [packet(family, 6, 443, nobody)], link=True)
    time.sleep(0.3)
    asked = [json.loads(line) for line in pair.report.read_text().splitlines()[1:] if "asked" in line]
    assert {"how": "asked", "interface": "w0", "address": nobody} in asked
