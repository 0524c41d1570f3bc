"""Sending probes for real: who sends, who watches, and what was seen."""

import json
import secrets
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from network.check.matrix import together
from network.check.shell import Shell, agent_command, must, tell
from network.check.temporary import changed
from network.prove.fleet.walk import Fleet
from network.prove.replay.probe import Probe, hosts_on_the_way
from network.prove.replay.verdict import Agreement, Replayed, Seen, Sighting, compare
from network.prove.replay.wire import decode, encode
from network.prove.syntax.addresses import print_address

_PACE = 100
_SECONDS = 120
_SETTLE = 0.5
"""Seconds after the last packet: to come through, and to be written down."""

_REPORT = "/run/sallyport-replay"
_UNIT = "sallyport-replay-watcher"


@dataclass(frozen=True)
class Link:
    """An interface of a host: its name, hardware address and addresses."""

    name: str
    mac: str
    addresses: tuple[int, ...]


class Replayer:
    """Sends probes from the fleet's hosts and watches what becomes of them."""

    def __init__(self, fleets: Mapping[int, Fleet], shells: Mapping[str, Shell]) -> None:
        self.model = fleets[4].model
        self.fleets = fleets
        self.shells = shells
        self._links: dict[str, tuple[Link, ...]] = {}

    def replay(self, probes: Sequence[Probe]) -> list[Replayed]:
        """Send every probe and judge it; what stays inconclusive is sent once more. Raises RemoteError."""
        first = self._once(probes)
        doubtful = [each.probe for each in first if each.agreement is Agreement.INCONCLUSIVE]
        if not doubtful:
            return first
        second = iter(self._once(doubtful))
        return [next(second) if each.agreement is Agreement.INCONCLUSIVE else each for each in first]

    def _once(self, probes: Sequence[Probe]) -> list[Replayed]:
        senders = [self._sender(each) for each in probes]
        self._look_up({sender for sender in senders if sender} | {each.start.host for each in probes})
        word = secrets.token_bytes(8)
        orders: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        for number, (each, sender) in enumerate(zip(probes, senders, strict=True)):
            if sender is not None:
                packet = encode(each.packet, word + number.to_bytes(2, "big")).hex()
                orders.setdefault(sender, []).append((number, {"packet": packet, **self._way(each, sender)}))
        with self._watched(probes, word) as reports:
            said = dict(self._send(orders))
            time.sleep(_SETTLE)
            seen = {host: must(self.shells[host], f"cat {report}") for host, report in reports.items()}
        return [self._judge(number, each, said, seen) for number, each in enumerate(probes)]

    # Who sends.

    def _sender(self, probe: Probe) -> str | None:
        """Name the host that sends a probe: the one that the story begins on, or a neighbour on the segment."""
        host = probe.start.host
        if not probe.start.interface:
            return host if host in self.shells else None
        segment = self.fleets[probe.packet.family].segment(host, probe.start.interface)
        hosts = self.model.fleet.hosts
        neighbours = [
            name for name, each in hosts.items() if segment in each.zones and name != host and name in self.shells
        ]
        return min(neighbours, key=lambda name: hosts[name].firewall, default=None)

    def _way(self, probe: Probe, sender: str) -> dict[str, str]:
        if not probe.start.interface:
            return {"destination": print_address(probe.packet.dst, probe.packet.family)}
        segment = self.fleets[probe.packet.family].segment(probe.start.host, probe.start.interface)
        mine = {int(leg.address) for leg in self.model.fleet.hosts[sender].legs if leg.zone == segment}
        out = next(link.name for link in self._links[sender] if mine & set(link.addresses))
        mac = next(link.mac for link in self._links[probe.start.host] if link.name == probe.start.interface)
        return {"interface": out, "mac": mac}

    def _look_up(self, hosts: set[str]) -> None:
        def look(host: str) -> tuple[str, tuple[Link, ...]]:
            return host, tuple(_links(must(self.shells[host], "ip -j address")))

        missing = sorted(hosts - self._links.keys())
        if missing:
            with ThreadPoolExecutor(len(missing)) as pool:
                self._links.update(pool.map(look, missing))

    def _send(self, orders: Mapping[str, Sequence[tuple[int, dict[str, Any]]]]) -> Iterator[tuple[int, str]]:
        def send(host: str) -> list[tuple[int, str]]:
            numbered = orders[host]
            given = {"pace": _PACE, "packets": [order for _, order in numbered]}
            said: list[str] = tell(self.shells[host], "emit", given)
            return [(number, word) for (number, _), word in zip(numbered, said, strict=True)]

        if orders:
            with ThreadPoolExecutor(len(orders)) as pool:
                yield from (pair for pairs in pool.map(send, orders) for pair in pairs)

    # Who watches.

    @contextmanager
    def _watched(self, probes: Sequence[Probe], word: bytes) -> Iterator[dict[str, str]]:
        """Have every host on the ways watch, for two minutes at most; hand out where each writes what it sees."""
        hosts = list(hosts_on_the_way(list(probes)))
        protocols: dict[str, list[int]] = {"4": [], "6": []}
        for family, protocol in {(each.packet.family, each.packet.protocol) for each in probes}:
            protocols[str(family)].append(protocol)
        watch = agent_command("watch", {"word": word.hex(), "protocols": protocols, "report": _REPORT})
        start = (
            f"rm -f {_REPORT}; "
            f"systemd-run --quiet --collect --unit={_UNIT} --property=RuntimeMaxSec={_SECONDS} {watch}; "
            f"for i in $(seq 100); do grep -qx ready {_REPORT} 2>/dev/null && exit 0; sleep 0.05; done; exit 1"
        )
        stop = f"systemctl stop {shlex.quote(_UNIT)}.service 2>/dev/null; rm -f {_REPORT}; true"
        with ExitStack() as stack:
            stack.enter_context(together(changed(self.shells[host], "replay", start, stop, _SECONDS) for host in hosts))
            yield dict.fromkeys(hosts, _REPORT)

    # What was seen.

    def _judge(self, number: int, probe: Probe, said: Mapping[int, str], seen: Mapping[str, str]) -> Replayed:
        if number not in said:
            missing = f"nobody else of the fleet stands before {probe.start.host} {probe.start.interface}"
            return Replayed(probe, Agreement.INCONCLUSIVE, "", missing)
        at: dict[str, list[Sighting]] = {}
        asked: set[tuple[str, str, int]] = set()
        for host, text in seen.items():
            for each in _records(text):
                if each["how"] == "asked":
                    asked.add((host, each["interface"], int(ip_address(each["address"]))))
                elif bytes.fromhex(each["packet"])[-2:] == number.to_bytes(2, "big"):
                    header = decode(bytes.fromhex(each["packet"]))
                    if _is(probe, header.protocol, header.dport):
                        at.setdefault(host, []).append(Sighting(each["how"], each["interface"], header))
        if probe.start.interface and (sender := self._sender(probe)) is not None:
            # What it put on the link itself it did not send on.
            first = next((each for each in at.get(sender, ()) if each.how == "out"), None)
            if first is not None:
                at[sender].remove(first)
        return compare(probe, Seen(said[number], at, frozenset(asked)))


def _is(probe: Probe, protocol: int, dport: int) -> bool:
    """Tell a probe from an answer that repeats it: an echo reply, or an ICMP error."""
    packet = probe.packet
    return protocol == packet.protocol and (protocol not in {1, 58} or dport == packet.dport)


def _records(text: str) -> Iterator[dict[str, str]]:
    """Read a report; its first line is "ready", and its last may be half written."""
    for line in text.splitlines():
        if line.startswith("{") and line.endswith("}"):
            yield json.loads(line)


def _links(text: str) -> Iterator[Link]:
    for item in json.loads(text):
        if item:
            found = tuple(int(ip_address(each["local"])) for each in item.get("addr_info", ()) if "local" in each)
            yield Link(item["ifname"], item.get("address", ""), found)
