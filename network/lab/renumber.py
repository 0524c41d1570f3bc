"""Another address range for an environment: the same hosts at the same places of it. Pure, from text to text."""

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, ip_address

from network.errors import Problem, UserError
from network.model import Model

_ADDRESS = re.compile(rb"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")


def present(model: Model) -> IPv4Network:
    """Return the smallest network that holds every IPv4 network of the environment. Raises UserError without one."""
    networks = [
        network for zone in model.fleet.zones.values() for network in zone.networks if isinstance(network, IPv4Network)
    ]
    if not networks:
        rule = "an address range is given to the IPv4 networks of network_zones"
        remedy = "Write the IPv6 networks into the inventory by hand."
        raise UserError(Problem("the inventory", "no IPv4 network", rule, remedy))
    whole = networks[0]
    while not all(network.subnet_of(whole) for network in networks):
        whole = whole.supernet()
    return whole


def target(given: str, old: IPv4Network) -> IPv4Network:
    """Return the network of the size of `old` at the start of the range that was typed. Raises UserError."""
    example = f"Write it like 10.77.0.0/{old.prefixlen}."
    try:
        wanted = IPv4Network(given)
    except ValueError:
        rule = "a range is an IPv4 network in CIDR notation, without host bits"
        raise UserError(Problem("the range", given, rule, example)) from None
    if wanted.prefixlen > old.prefixlen:
        rule = f"the range is at least as large as the environment's, {old}"
        raise UserError(Problem("the range", given, rule, example))
    new = IPv4Network((wanted.network_address, old.prefixlen))
    if not new.is_private:
        rule = "inner networks are private ones (RFC 1918), or the real hosts at these addresses could not be reached"
        raise UserError(Problem("the range", given, rule, example))
    return new


def moved(files: Mapping[str, bytes], old: IPv4Network, new: IPv4Network) -> dict[str, bytes]:
    """Return the files with every address inside `old`, comments included, at the same place of `new`."""

    def place(match: re.Match[bytes]) -> bytes:
        try:
            address = ip_address(match[0].decode())
        except ValueError:
            return match[0]
        if address not in old:
            return match[0]
        return str(IPv4Address(int(address) - int(old.network_address) + int(new.network_address))).encode()

    return {name: _ADDRESS.sub(place, content) for name, content in files.items()}
