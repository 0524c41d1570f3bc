"""The sets of addresses that rules match on, as input for `ipset restore`.

The text has two kinds of lines only: ``create NAME TYPE OPTIONS`` and ``add NAME MEMBER``, each set's members after its
creation. How sets that are in use are replaced is the loader's part: it fills each under another name, with the same
type and options, and swaps it in.

A swap is atomic, and wants both sets to be of one type and family. So the first letter of a name stands for the type
(``g-`` hash:net, ``p-`` hash:net,port, ``t-`` hash:ip,port,net) and its end for the family (``-v4``, ``-v6``): under
one name there is never another kind of set. Names have at most 31 characters, as the kernel allows (IPSET_MAXNAMELEN).
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, summarize_address_range
from typing import Final

from network.compile.addresses import Addresses, Spans
from network.compile.names import Names
from network.compile.tree import UDP, Box, InUnion, Side, listed_side, sides
from network.model import Network

LONGEST: Final = 31
DEFAULT_MEMBERS: Final = 1 << 16


class Sets:
    """The sets of one host. Equal content is one set, whatever it is first asked for as."""

    def __init__(self) -> None:
        self._names = Names(LONGEST)
        self._networks: dict[tuple[int, Spans], str] = {}
        self._unions: dict[tuple[int, InUnion], str] = {}
        self._lines: list[str] = []

    def networks(self, wanted: tuple[Network, ...], name: str) -> str:
        """Return the name of the set of these networks; `name` is what it is called if it is new."""
        version = wanted[0].version
        content = (version, Addresses(wanted).spans(32 if version == 4 else 128))
        found = self._networks.get(content)
        if found is None:
            found = self._create("g-", name, "hash:net", version, (_network(each) for each in wanted))
            self._networks[content] = found
        return found

    def union(self, test: InUnion, version: int, name: str) -> tuple[str, str]:
        """Return the name of the set of a union of boxes, and the directions to match it with."""
        listed = listed_side(test)
        short = {"source": "src", "destination": "dst"}
        if listed is None:
            only = sides(test)[0]
            directions, prefix, kind = f"{short[only]},dst", "p-", "hash:net,port"
        else:
            other = next(side for side in sides(test) if side != listed)
            directions, prefix, kind = f"{short[listed]},dst,{short[other]}", "t-", "hash:ip,port,net"
        if (version, test) not in self._unions:
            lines = dict.fromkeys(line for box in test.boxes for line in _members(box, test, listed, version))
            self._unions[version, test] = self._create(prefix, name, kind, version, lines)
        return self._unions[version, test], directions

    def text(self) -> str:
        """Input for `ipset restore`; empty if there is no set."""
        return "".join(f"{line}\n" for line in self._lines)

    def _create(self, prefix: str, name: str, kind: str, version: int, lines: Iterable[str]) -> str:
        found = self._names.new(prefix, name, f"-v{version}")
        added = [f"add {found} {line}" for line in lines]
        family = "inet" if version == 4 else "inet6"
        room = f" maxelem {len(added)}" if len(added) > DEFAULT_MEMBERS else ""
        self._lines += [f"create {found} {kind} family {family}{room}", *added]
        return found


def as_networks(spans: Spans, version: int) -> tuple[Network, ...]:
    """Return the fewest networks that hold exactly these addresses."""
    found: list[Network] = []
    for low, high in spans:
        if low == high:
            found.append(IPv4Network((low, 32)) if version == 4 else IPv6Network((low, 128)))
        elif version == 4:
            found += summarize_address_range(IPv4Address(low), IPv4Address(high))
        else:
            found += summarize_address_range(IPv6Address(low), IPv6Address(high))
    return tuple(found)


def _halves(networks: Iterable[Network]) -> Iterator[Network]:
    """Return the same addresses without a network of length 0, which no set can hold."""
    for network in networks:
        yield from network.subnets() if network.prefixlen == 0 else (network,)


def _members(box: Box, test: InUnion, listed: Side | None, version: int) -> Iterator[str]:
    if listed is None:
        spans = box.source if sides(test)[0] == "source" else box.destination
        for network in _halves(as_networks(spans, version)):
            for service in _services(box.service):
                yield f"{_network(network)},{service}"
        return
    one, other = (box.source, box.destination) if listed == "source" else (box.destination, box.source)
    for low, high in one:
        for number in range(low, high + 1):
            address = _address(number, version)
            for network in _halves(as_networks(other, version)):
                for service in _services(box.service):
                    yield f"{address},{service},{_network(network)}"


@lru_cache(maxsize=4096)
def _address(number: int, version: int) -> str:
    return str(IPv4Address(number) if version == 4 else IPv6Address(number))


def _services(spans: Spans) -> Iterator[str]:
    for low, high in spans:
        for number in range(low, high + 1):
            yield f"{'udp' if number >= UDP else 'tcp'}:{number % UDP}"


@lru_cache(maxsize=4096)
def _network(network: Network) -> str:
    """Return a network as ipset prints it: a single address without its length."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
