"""Matches of iptables as text, in the very form and order in which iptables-save prints them back."""

import re
from ipaddress import ip_network
from typing import Final

from network.compile.addresses import Addresses
from network.compile.ipset import Sets, as_networks
from network.compile.rule import Ports, Rule
from network.compile.tree import UDP, InAddresses, InService, Test, WasSentTo
from network.model import Address

PLAIN: Final = re.compile(r"[A-Za-z0-9_-]*")
"""What iptables-save prints without quotes."""

DIRECTION: Final = {"source": ("-s", "src"), "destination": ("-d", "dst")}


class Matches:
    """Writes matches for one host and IP version, making sets of addresses as they are needed."""

    def __init__(self, sets: Sets, version: int) -> None:
        self._sets = sets
        self.version = version

    def rule(self, rule: Rule, *, new: bool) -> str:
        """Return the match of a rule; with `new` only of packets that open a connection, sent to the public address."""
        name = f"{rule.source_name}-{rule.zone}" if rule.partial else rule.source_name
        literals, sets = self.sides(rule.source, name, rule.destination, rule.destination_name)
        return _joined(literals, ports(rule.ports), sets, _state(rule) if new else "")

    def addresses(self, side: str, wanted: Addresses, name: str) -> str:
        """Return the packets with an address on one side."""
        return _joined(*self._side(side, wanted, name))

    def test(self, test: Test, name: str) -> str:
        """Return the packets that pass a test of the decision tree; `name` is for a set that it needs."""
        if isinstance(test, InAddresses):
            return self.addresses(test.side, Addresses(as_networks(test.spans, self.version)), name)
        if isinstance(test, InService):
            protocol = "udp" if test.first >= UDP else "tcp"
            if test.last - test.first == UDP - 1:
                return f"-p {protocol}"
            return ports(Ports(protocol, ((test.first % UDP, test.last % UDP),)))
        if isinstance(test, WasSentTo):
            return f"-m conntrack --ctorigdst {test.address}"
        found, directions = self._sets.union(test, self.version, name)
        return f"-m set --match-set {found} {directions}"

    def sides(self, source: Addresses, source_name: str, destination: Addresses, name: str) -> tuple[str, str]:
        """Return the match of both sides: what is said by literals, which come first, and what by sets."""
        sources, destinations = self._side("source", source, source_name), self._side("destination", destination, name)
        return _joined(sources[0], destinations[0]), _joined(sources[1], destinations[1])

    def _side(self, side: str, wanted: Addresses, name: str) -> tuple[str, str]:
        """Return the match of one side: as a literal (one network) or as a set (several), the other is empty."""
        option, direction = DIRECTION[side]
        negation = "! " if wanted.outside else ""
        if not wanted.networks or wanted.networks[0].prefixlen == 0:
            return "", ""
        if len(wanted.networks) == 1:
            return f"{negation}{option} {wanted.networks[0]}", ""
        found = self._sets.networks(wanted.networks, "inner" if wanted.outside else name)
        return "", f"-m set {negation}--match-set {found} {direction}"


def ports(wanted: Ports) -> str:
    """Return the packets of a protocol to some ports."""
    written = [str(first) if first == last else f"{first}:{last}" for first, last in wanted.spans]
    if len(written) == 1:
        return f"-p {wanted.protocol} -m {wanted.protocol} --dport {written[0]}"
    return f"-p {wanted.protocol} -m multiport --dports {','.join(written)}"


def comment(text: str) -> str:
    """Return a comment, which iptables-save and the compliance checks show."""
    written = text if PLAIN.fullmatch(text) else f'"{text}"'
    return f"-m comment --comment {written}"


def destination(address: Address) -> str:
    """Return a single destination address."""
    return f"-d {ip_network(address)}"


def _state(rule: Rule) -> str:
    state = "-m conntrack --ctstate NEW"
    if rule.sent_to is not None:
        first, last = rule.ports.spans[0]
        span = str(first) if first == last else f"{first}:{last}"
        state += f" --ctorigdst {rule.sent_to} --ctorigdstport {span}"
    return state


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
