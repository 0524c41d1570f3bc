"""Sets of addresses of one IP version, as rules speak of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import ip_network

from network.model import Address, Network

Spans = tuple[tuple[int, int], ...]
"""Sorted, disjoint, inclusive ranges of integers (an address as a number), of which no two touch."""


@dataclass(frozen=True)
class Addresses:
    """Some networks, or, with `outside`, every address that lies in none of them.

    All of one IP version. Networks are sorted, and none lies in another. `outside` with no network is every address.
    """

    networks: tuple[Network, ...]
    outside: bool = False

    @classmethod
    def of(cls, networks: Iterable[Address | Network]) -> "Addresses":
        """Return the set of these addresses and networks."""
        return cls(_sorted(_network(each) for each in networks))

    @classmethod
    def beyond(cls, networks: Iterable[Network]) -> "Addresses":
        """Return every address that lies in none of these networks."""
        return cls(_sorted(networks), outside=True)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.networks, self.outside))

    def __bool__(self) -> bool:
        return self.outside or bool(self.networks)

    def __contains__(self, address: Address) -> bool:
        return any(address in network for network in self.networks) != self.outside

    def without(self, addresses: Iterable[Address]) -> "Addresses":
        """Return the set without single addresses that it lists as such. Networks stay whole."""
        if self.outside:
            return self
        single = [int(address) for address in addresses]
        return Addresses(
            tuple(
                network
                for network in self.networks
                if network.prefixlen < network.max_prefixlen or int(network.network_address) not in single
            )
        )

    def spans(self, bits: int) -> Spans:
        """Return the set as ranges of integers; `bits` is the length of an address (32 or 128)."""
        inside = joined(_ends(network) for network in self.networks)
        return _complement(inside, (1 << bits) - 1) if self.outside else inside


def union(parts: Iterable[Addresses]) -> Addresses:
    """Return the addresses that are in any of the parts, all of which lie outside, or none."""
    different = list(dict.fromkeys(parts))
    if len(different) == 1:
        return different[0]
    if any(part.outside for part in different):
        raise ValueError("what lies outside cannot be joined with what lies inside")
    return Addresses.of(network for part in different for network in part.networks)


def joined(spans: Iterable[tuple[int, int]]) -> Spans:
    """Return the same numbers in the fewest ranges; the ranges given do not overlap."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if found and found[-1][1] + 1 == low:
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    return tuple(found)


def _sorted(networks: Iterable[Network]) -> tuple[Network, ...]:
    """Return the networks in order, without those that lie in another. Neighbours stay apart, so that hosts show."""
    found: list[Network] = []
    for network in sorted(networks, key=lambda each: (each.version, int(each.network_address), each.prefixlen)):
        if not found or found[-1].version != network.version or _ends(found[-1])[1] < _ends(network)[0]:
            found.append(network)
    return tuple(found)


@lru_cache(maxsize=65536)
def _network(address: Address | Network) -> Network:
    return ip_network(address)


def _ends(network: Network) -> tuple[int, int]:
    return int(network.network_address), int(network.broadcast_address)


def _complement(spans: Spans, last: int) -> Spans:
    found: list[tuple[int, int]] = []
    start = 0
    for low, high in spans:
        if start < low:
            found.append((start, low - 1))
        start = high + 1
    if start <= last:
        found.append((start, last))
    return tuple(found)
