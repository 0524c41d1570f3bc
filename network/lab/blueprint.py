"""What the lab should be: one bridge network per zone and one container per host, derived from the model."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

from network.errors import Problem, UserError
from network.model import Address, Host, Model, Network, Zone

LABEL = "sallyport.lab"
"""On everything the lab makes; its value is the environment."""
LABEL_HOME = "sallyport.home"
"""The state folder of the checkout that made it."""
LABEL_SPECIFICATION = "sallyport.specification"
"""A digest of what was asked for: a different one is drift."""


_INTERFACE_NAME_LENGTH = 15


@dataclass(frozen=True)
class Segment:
    """A zone's bridge network. Only the one with `outside` has an address of the machine and leads out of it.

    `bridge` is the machine's interface that the engine makes for it.
    """

    name: str
    bridge: str
    zone: str
    subnets: tuple[str, ...]
    gateways: tuple[str, ...]
    outside: bool
    mtu: int | None


@dataclass(frozen=True)
class Attachment:
    """A container's place in a segment."""

    segment: str
    v4: str | None
    v6: str | None


@dataclass(frozen=True)
class Port:
    """A port of a container that the machine offers at one of its own addresses."""

    address: str
    port: int
    to: int


@dataclass(frozen=True)
class Container:
    """A host as a container. `options` are the engine's, the same for every host."""

    name: str
    host: str
    image: str
    attachments: tuple[Attachment, ...]
    ports: tuple[Port, ...]
    options: tuple[str, ...]


@dataclass(frozen=True)
class Blueprint:
    """The whole lab, by the names of its networks and containers."""

    segments: Mapping[str, Segment] = field(default_factory=dict)
    containers: Mapping[str, Container] = field(default_factory=dict)


def specification(item: Segment | Container) -> str:
    """Return a digest of a definition; the same text for the same definition in every run."""
    return hashlib.sha256(json.dumps(asdict(item), sort_keys=True).encode()).hexdigest()[:16]


def segment_name(zone: Zone) -> str:
    """Return the name of a zone's network.

    Docker publishes ports, and sets the default route, through the network whose name sorts first: on the edge that
    must be the untrusted one.
    """
    return f"sallyport-0-{zone.name}" if zone.untrusted else f"sallyport-{zone.name}"


def bridge_name(zone: str) -> str:
    """Return the name of a zone's bridge on the machine: at most 15 characters, the kernel's limit."""
    name = f"sp-{zone}"
    return name if len(name) <= _INTERFACE_NAME_LENGTH else f"sp-{hashlib.sha256(zone.encode()).hexdigest()[:12]}"


def container_name(host: str) -> str:
    """Return the name of a host's container."""
    return f"sallyport-{host}"


def draw(
    model: Model, *, image: str, ports: Mapping[str, Port], options: tuple[str, ...], mtu: int | None
) -> Blueprint:
    """Derive the lab from the model.

    `ports` are what the machine offers of the edge, `mtu` is in bytes (None: the engine's default). Raises UserError
    for what containers cannot be: two addresses of one family in a segment, two networks of one family in a zone.
    """
    segments = {zone.name: _segment(model, zone, mtu) for zone in model.fleet.zones.values()}
    edge = entrance(model) if ports else None
    containers = [
        Container(
            container_name(host.name),
            host.name,
            image,
            _attachments(host, segments),
            tuple(ports.values()) if edge is not None and host.name == edge.name else (),
            options,
        )
        for host in model.fleet.hosts.values()
    ]
    return Blueprint(
        {segment.name: segment for segment in segments.values()},
        {container.name: container for container in containers},
    )


def entrance(model: Model) -> Host:
    """Return the firewall that joins the untrusted zone to the others. Raises UserError when there is none."""
    untrusted = model.fleet.untrusted.name
    for host in model.fleet.hosts.values():
        if host.firewall and untrusted in host.zones:
            return host
    raise UserError(
        Problem(
            "the inventory",
            f"no host has a leg in {untrusted} and in another zone",
            "the lab is entered through its edge firewall",
            f"give a firewall a leg in {untrusted}",
        )
    )


def _segment(model: Model, zone: Zone, mtu: int | None) -> Segment:
    for version in (4, 6):
        count = sum(network.version == version for network in zone.networks)
        if count > 1:
            raise UserError(
                Problem(
                    f"zone {zone.name}",
                    f"{count} IPv{version} networks",
                    "in a container lab a zone has one network of each address family",
                    "give the zone one network, or split the zone",
                )
            )
    return Segment(
        segment_name(zone),
        bridge_name(zone.name),
        zone.name,
        tuple(str(network) for network in zone.networks),
        tuple(str(_gateway(model, zone, network)) for network in zone.networks),
        zone.untrusted,
        mtu,
    )


def _gateway(model: Model, zone: Zone, network: Network) -> Address:
    """Return the address the engine sets aside for itself. In an inner zone it is never used: any free one will do."""
    given = zone.gateway(network.version)
    if given is not None:
        return given
    taken = {leg.address for host in model.fleet.hosts.values() for leg in host.legs}
    first = int(network.network_address)
    for number in range(first + 1, first + network.num_addresses - 1):
        candidate = IPv4Address(number) if network.version == 4 else IPv6Address(number)
        if candidate not in taken:
            return candidate
    raise UserError(
        Problem(
            f"zone {zone.name}",
            f"every address of {network} is taken",
            "the container engine needs one address of each network",
            "take a larger network",
        )
    )


def _attachments(host: Host, segments: Mapping[str, Segment]) -> tuple[Attachment, ...]:
    """Return the segments a host stands in: the one that leads outside first, then in the order of its legs."""
    attachments = []
    for zone in host.zones:
        by_version: dict[int, Address] = {}
        for address in host.addresses(zone):
            if address.version in by_version:
                raise UserError(
                    Problem(
                        f"host {host.name}",
                        f"{by_version[address.version]} and {address} in zone {zone}",
                        "in a container lab a host has one address of each family in a zone",
                        "take one of them away",
                    )
                )
            by_version[address.version] = address
        attachments.append(Attachment(segments[zone].name, _text(by_version.get(4)), _text(by_version.get(6))))
    return tuple(sorted(attachments, key=lambda attachment: attachment.segment))


def _text(address: Address | None) -> str | None:
    return None if address is None else str(ip_address(address))
