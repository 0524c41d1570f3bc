"""Addresses and networks as people write them, with the remedy for the usual slips."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from network.model import Address, Network
from network.read.shape import Shape
from network.read.tree import Scalar

_USABLE = "an address that a host can have: not loopback, link-local, multicast or unspecified"


def read_address(written: Scalar, what: str, shape: Shape) -> Address | None:
    """Read a single address; `what` names it: "the address of web1 in dmz"."""
    text = written.text.strip()
    try:
        address = ip_address(text)
    except ValueError:
        remedy = "Write it like 192.0.2.10 or 2001:db8::10."
        if "/" in text:
            remedy = f"Leave out the prefix: '{text.split('/')[0]}'."
        shape.report(written.mark, f"{written} as {what}", f"{what} is an IPv4 or IPv6 address", remedy)
        return None
    if _unusable(address):
        shape.report(written.mark, f"{written} as {what}", f"{what} is {_USABLE}", "Write the address the host has.")
        return None
    return address


def read_network(written: Scalar, what: str, shape: Shape) -> Network | None:
    """Read a network in CIDR notation (RFC 4632, RFC 4291); a bare address is a network of one."""
    text = written.text.strip()
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        shape.report(
            written.mark, f"{written} as {what}", f"{what} is written in CIDR notation", "Write it like 192.0.2.0/24."
        )
        return None
    if ip_address(text.split("/", maxsplit=1)[0]) != network.network_address:
        rule = f"the bits of {what} after its prefix are zero"
        shape.report(written.mark, f"{written} as {what}", rule, f"Write '{network}'.")
        return None
    if network.prefixlen and _unusable(network.network_address):
        shape.report(
            written.mark, f"{written} as {what}", f"{what} holds {_USABLE}", "Write the network the hosts are in."
        )
        return None
    return network


def is_numeric(text: str) -> bool:
    """Whether a text means an address or a network, well written or not, rather than a name."""
    return ":" in text or "/" in text or text.replace(".", "").isdigit()


def contains(outer: Network, inner: Network) -> bool:
    """Whether a network lies wholly in another, of the same family."""
    if isinstance(outer, IPv4Network) and isinstance(inner, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, IPv6Network) and isinstance(inner, IPv6Network):
        return inner.subnet_of(outer)
    return False


def reserved_in(network: Network, address: Address) -> str | None:
    """Return what an address of a network is taken for, if it is no host's: its own or its broadcast address."""
    if isinstance(network, IPv4Network) and network.prefixlen < 31:
        if address == network.network_address:
            return "the network's own address"
        if address == network.broadcast_address:
            return "the network's broadcast address"
    if isinstance(network, IPv6Network) and network.prefixlen < 127 and address == network.network_address:
        return "the subnet-router anycast address (RFC 4291, 2.6.1)"
    return None


def _unusable(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and (address.ipv4_mapped or address.scope_id):
        return True
    return address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
