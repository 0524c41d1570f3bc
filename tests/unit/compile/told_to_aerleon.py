"""What a host lets through, told to Aerleon: an independent generator of rules, and an independent judge of packets.

Aerleon knows addresses, protocols and ports, but no paths and no translation. So it is told for one hook of a host
which addresses open connections to which: what flows mean there, taken from the model and the ways between its ends.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network, summarize_address_range

from aerleon import api
from aerleon.lib import naming
from aerleon.lib.aclcheck import AclCheck
from aerleon.lib.policy import FromBuilder
from aerleon.lib.policy_builder import PolicyBuilder, PolicyDict, PolicyFilterHeader, PolicyInclude, PolicyTerm

from network.model import Address, Endpoint, Flow, Model, Network
from network.path import NoPathError, journey, networks

EVERYTHING = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}
FAMILIES = {4: "inet", 6: "inet6"}

logging.getLogger("absl").setLevel(logging.ERROR)  # it warns of each term without addresses of a family


@dataclass(frozen=True)
class Term:
    """Connections of one flow between two of its ends, as a host meets them."""

    flow: Flow
    sources: tuple[Network, ...]
    destinations: tuple[Network, ...]


def terms(model: Model, host: str, hook: str, version: int) -> Iterator[Term]:
    """Give what may be opened at a hook (INPUT, FORWARD, OUTPUT) of a host where nothing is translated."""
    for flow in model.flows:
        for source in flow.sources:
            for destination in flow.destinations:
                if source != destination and _met(model, host, hook, source, destination):
                    ends = (source, destination), (destination, source)
                    here = [_networks(model, end, peer, version) for end, peer in ends]
                    if all(here):
                        yield Term(flow, *here)


def generated(told: Iterable[Term], hook: str, version: int) -> str:
    """Give the table filter that Aerleon makes, as input for iptables-restore."""
    policy, definitions = _input(list(told), f"{hook} DROP {FAMILIES[version]}")
    made = api.Generate([policy], definitions)
    assert made
    return next(iter(made.values()))


class Judge:
    """Asks Aerleon's own check of policies whether it lets a packet through."""

    def __init__(self, told: Iterable[Term], hook: str, version: int) -> None:
        self._policy = FromBuilder(PolicyBuilder(*_input(list(told), f"{hook} DROP {FAMILIES[version]}")))

    def passes(self, source: Address, destination: Address, protocol: str, port: int) -> bool:
        """Tell whether some term accepts the packet."""
        asked = AclCheck(self._policy, str(source), str(destination), "any", str(port), protocol)
        return bool(asked.ActionMatch("accept"))


def _met(model: Model, host: str, hook: str, source: Endpoint, destination: Endpoint) -> bool:
    this = Endpoint("host", host)
    if hook == "INPUT":
        return destination == this
    if hook == "OUTPUT":
        return source == this
    try:
        return any(hop.host == host for hop in journey(model, source, destination).hops)
    except NoPathError:
        return False


def _networks(model: Model, end: Endpoint, peer: Endpoint, version: int) -> tuple[Network, ...]:
    try:
        found = networks(model, end, peer, version)
    except NoPathError:
        return ()
    return _outside(model, version) if found is None else found


def _outside(model: Model, version: int) -> tuple[Network, ...]:
    """Give the world outside as networks, for Aerleon has no negation."""
    inner = [network for zone in model.fleet.zones.values() if not zone.untrusted for network in zone.networks]
    found: list[Network] = []
    start, kind = 0, IPv4Address if version == 4 else IPv6Address
    end = int(EVERYTHING[version][-1])
    for network in sorted((each for each in inner if each.version == version), key=lambda each: int(each[0])):
        if start < int(network[0]):
            found += summarize_address_range(kind(start), kind(int(network[0]) - 1))
        start = int(network[-1]) + 1
    if start <= end:
        found += summarize_address_range(kind(start), kind(end))
    return tuple(found)


def _input(told: list[Term], options: str) -> tuple[PolicyDict, naming.Naming]:
    definitions = naming.Naming()
    services = {service.name: service for term in told for service in term.flow.services}
    sides = {networks: f"N{number}" for number, networks in enumerate(_sides(told))}
    definitions.ParseDefinitionsObject(
        {
            "networks": {
                name: {"values": [{"address": str(network)} for network in networks]}
                for networks, name in sides.items()
            },
            "services": {
                _named(name): [{"protocol": service.protocol, "port": f"{service.first}-{service.last}"}]
                for name, service in services.items()
            },
        },
        "",
    )
    accepting: list[PolicyTerm | PolicyInclude] = [
        {
            "name": f"t{number}-{service_number}",
            "source-address": sides[term.sources],
            "destination-address": sides[term.destinations],
            "destination-port": _named(service.name),
            "protocol": service.protocol,
            "action": "accept",
        }
        for number, term in enumerate(told)
        for service_number, service in enumerate(term.flow.services)
    ]
    header: PolicyFilterHeader = {"targets": {"speedway": options}}
    denying: PolicyTerm = {"name": "deny", "action": "deny"}
    return {"filename": "told", "filters": [{"header": header, "terms": [*accepting, denying]}]}, definitions


def _sides(told: Iterable[Term]) -> dict[tuple[Network, ...], None]:
    return dict.fromkeys(networks for term in told for networks in (term.sources, term.destinations))


def _named(service: str) -> str:
    return service.upper()
