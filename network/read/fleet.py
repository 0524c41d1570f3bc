"""The inventory joined with the policy's zones and externals: the fleet."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import combinations
from typing import TypeVar

from network.model import Address, External, Fleet, Host, Leg, Network, Zone
from network.read.address import contains, is_numeric, read_address, read_network, reserved_in
from network.read.inventory import HostSource, InventorySource
from network.read.policy import PolicySource
from network.read.shape import DNS_NAME, Named, Shape, did_you_mean, listed
from network.read.tree import Entry, Mapping, Mark, Scalar, Sequence, Value

_T = TypeVar("_T")
_NEEDS = ("network_environment", "network_domain", "network_public_names", "network_zones")
_OWN_GROUPS = ("all", "ungrouped")


def fleet(policy: PolicySource, inventory: InventorySource, shape: Shape) -> Fleet:
    """Join the two. What is wrong is reported to `shape`; the answer is of use only when nothing was."""
    for variable in _NEEDS:
        if variable not in inventory.variables:
            rule = f"an environment says: {listed(_NEEDS)}"
            remedy = f"Add '{variable}:' to {inventory.place}/group_vars/all/network.yml."
            shape.report(inventory.place, f"no {variable}", rule, remedy)
    zones = _zones(policy, inventory, shape)
    hosts = _hosts(zones, inventory, shape)
    groups = {name: inventory.members(name) for name in inventory.groups if name not in _OWN_GROUPS}
    _names_are_clear(policy, inventory, shape)
    return Fleet(
        environment=_variable(inventory, "network_environment", _label, shape) or "",
        domain=_variable(inventory, "network_domain", _dns_name, shape) or "",
        public_names=_variable(inventory, "network_public_names", _dns_names, shape) or (),
        zones=zones,
        hosts=hosts,
        groups=groups,
        externals=_Externals(zones, hosts, groups, shape).read(policy, inventory),
    )


def _variable(
    inventory: InventorySource, name: str, read: Callable[[Value, str, Shape], _T | None], shape: Shape
) -> _T | None:
    entry = inventory.variables.get(name)
    return read(entry.value, name, shape) if entry else None


def _label(value: Value, what: str, shape: Shape) -> str | None:
    written = shape.scalar(value, what, "Write a word, such as 'lab'.")
    return written.text if written and shape.name(written.text, written.mark, what, 20) else None


def _dns_name(value: Value, what: str, shape: Shape) -> str | None:
    written = shape.scalar(value, what, "Write a DNS name, such as 'example.org'.")
    if written is None or DNS_NAME.fullmatch(written.text):
        return written.text if written else None
    shape.report(
        written.mark, f"{written} in {what}", f"{what} is a DNS name in lower case", "Write it like 'example.org'."
    )
    return None


def _dns_names(value: Value, what: str, shape: Shape) -> tuple[str, ...]:
    items = shape.items(value, what, "Write a list of DNS names.")
    return tuple(name for item in items if (name := _dns_name(item, what, shape)))


@dataclass(frozen=True)
class _Placed:
    """A network of a zone with the place where it is written."""

    zone: str
    network: Network
    mark: Mark


def _zones(policy: PolicySource, inventory: InventorySource, shape: Shape) -> dict[str, Zone]:
    remedy = "Write 'dmz: {networks: [192.0.2.0/24]}' for each zone of the policy."
    entry = inventory.variables.get("network_zones")
    section = shape.mapping(entry.value, "network_zones", remedy) if entry else None
    given = section.entries if section else {}
    for name, unknown in given.items():
        if name not in policy.zones:
            otherwise = f"Add the zone to the policy, or remove it here. Zones: {listed(policy.zones)}."
            near = did_you_mean(name, [zone for zone in policy.zones if zone not in given], otherwise)
            shape.report(unknown.key, f"networks of the zone '{name}'", "zones are those of the policy", near)
    placed: list[_Placed] = []
    zones = {}
    for source in policy.zones.values():
        networks: tuple[_Placed, ...] = ()
        gateways: tuple[Address, ...] = ()
        if source.name in given:
            networks, gateways = _zone(source.name, source.trust == "untrusted", given[source.name].value, shape)
        elif section is not None:
            shape.report(section.mark, f"no networks of the zone '{source.name}'", "each zone has networks", remedy)
        placed += networks
        plain = tuple(each.network for each in networks)
        zones[source.name] = Zone(source.name, source.trust, source.purpose, plain, gateways)
    for first, second in combinations(placed, 2):
        if contains(first.network, second.network) or contains(second.network, first.network):
            found = f"{second.network} of zone {second.zone}, which overlaps {first.network} of zone {first.zone}"
            rule = f"an address lies in one network (the other is at {first.mark})"
            shape.report(second.mark, found, rule, "Choose another network for one of the two.")
    return zones


def _zone(name: str, untrusted: bool, value: Value, shape: Shape) -> tuple[tuple[_Placed, ...], tuple[Address, ...]]:
    what = f"zone {name}"
    zone = shape.mapping(value, what, "Write '{networks: [192.0.2.0/24]}'.")
    if zone is None:
        return (), ()
    shape.keys(zone, what, ("networks", "gateway"), ("networks",))
    networks: list[_Placed] = []
    if "networks" in zone.entries:
        for item in shape.items(
            zone.entries["networks"].value, f"'networks' of {what}", "Write a list in CIDR notation."
        ):
            network = read_network(item, f"a network of {what}", shape)
            if network is not None:
                networks.append(_Placed(name, network, item.mark))
    if "gateway" not in zone.entries:
        return tuple(networks), ()
    entry = zone.entries["gateway"]
    if not untrusted:
        rule = "only the untrusted zone has a gateway: between the others the firewalls route"
        shape.report(entry.key, f"a gateway of {what}", rule, "Remove it.")
        return tuple(networks), ()
    return tuple(networks), _gateways(entry.value, what, networks, shape)


def _gateways(value: Value, what: str, networks: list[_Placed], shape: Shape) -> tuple[Address, ...]:
    gateways: dict[int, Address] = {}
    for item in shape.items(value, f"'gateway' of {what}", "Write an address, or a list of one IPv4 and one IPv6."):
        address = read_address(item, f"the gateway of {what}", shape)
        if address is None:
            continue
        if not any(address in each.network for each in networks):
            written = listed(str(each.network) for each in networks)
            remedy = "Write the router's address in that network."
            shape.report(
                item.mark, f"gateway {address} of {what}", f"it lies in the zone's networks: {written}", remedy
            )
        elif address.version in gateways:
            found = f"a second IPv{address.version} gateway of {what}: {address}"
            shape.report(item.mark, found, "a zone has one gateway per address family", "Remove one of the two.")
        else:
            gateways[address.version] = address
    return tuple(gateways.values())


def _hosts(zones: dict[str, Zone], inventory: InventorySource, shape: Shape) -> dict[str, Host]:
    owners: dict[Address, str] = {
        gateway: f"the gateway of zone {zone.name}" for zone in zones.values() for gateway in zone.gateways
    }
    return {
        source.name: Host(source.name, _legs(source, zones, owners, shape), _groups_of(source.name, inventory))
        for source in inventory.hosts.values()
    }


def _groups_of(host: str, inventory: InventorySource) -> frozenset[str]:
    groups = (group for group in inventory.groups if group not in _OWN_GROUPS)
    return frozenset(group for group in groups if host in inventory.members(group))


def _legs(source: HostSource, zones: dict[str, Zone], owners: dict[Address, str], shape: Shape) -> tuple[Leg, ...]:
    if source.legs_mark is None:
        found, remedy = f"host {source.name} without legs", f"Write '{source.name}: {{legs: {{zone: address}}}}'."
        if source.near_legs is not None:
            found += f", but with '{source.near_legs.name}' ({source.near_legs.mark})"
            remedy = "Did you mean 'legs'?"
        shape.report(source.mark, found, "a host stands in a zone", remedy)
        return ()
    if not source.legs:
        if not shape.problems:
            remedy = "Write the zone and the address it has there."
            shape.report(source.legs_mark, f"no leg of host {source.name}", "a host stands in a zone", remedy)
        return ()
    legs: list[Leg] = []
    for given in source.legs:
        what = f"the address of {source.name} in {given.zone.name}"
        zone = zones.get(given.zone.name)
        address = read_address(given.address, what, shape)
        if zone is None:
            otherwise = f"Choose one of: {listed(zones)}."
            remedy = did_you_mean(given.zone.name, zones, otherwise)
            found = f"host {source.name} in the zone '{given.zone.name}'"
            shape.report(given.zone.mark, found, "a leg's zone is one of the policy's", remedy)
        elif address is not None:
            leg = _leg(address, zone, Named(what, given.address.mark), owners, shape)
            if leg is not None:
                legs.append(leg)
                owners[address] = f"host {source.name} ({given.address.mark})"
    return tuple(legs)


def _leg(address: Address, zone: Zone, named: Named, owners: dict[Address, str], shape: Shape) -> Leg | None:
    """Check the address of a leg; `named` says whose it is, and where it is written."""
    what, mark = named.name, named.mark
    network = next((network for network in zone.networks if address in network), None)
    if network is None:
        if zone.networks:
            written = listed(str(network) for network in zone.networks)
            rule = f"a host's address lies in its zone's networks: {written}"
            shape.report(mark, f"{address} as {what}", rule, "Correct the address, or the zone of the leg.")
        return None
    taken_for = reserved_in(network, address)
    if taken_for:
        shape.report(mark, f"{address} as {what}", f"it is {taken_for}", "Choose another address of the network.")
        return None
    if address in owners:
        rule = f"an address is given once; it belongs to {owners[address]}"
        shape.report(mark, f"{address} as {what}", rule, "Choose another address for one of the two.")
        return None
    return Leg(zone.name, address, network)


def _names_are_clear(policy: PolicySource, inventory: InventorySource, shape: Shape) -> None:
    """Refuse names that could mean two things in a flow. A group may be called like a zone: then it is the group."""
    for host in inventory.hosts.values():
        for kind, names in (("group", inventory.groups), ("zone", policy.zones), ("external", policy.externals)):
            if host.name in names:
                found = f"the host '{host.name}', called like a {kind}"
                shape.report(host.mark, found, "a name means one thing", "Rename the host, such as with a number.")
    for group in inventory.groups.values():
        if group.name in policy.externals:
            found = f"the group '{group.name}', called like an external"
            shape.report(group.mark, found, "a name means one thing", "Rename the group or the external.")
    for external in policy.externals:
        if external in policy.zones:
            found = f"the external '{external}', called like a zone"
            shape.report(inventory.place, found, "a name means one thing", "Rename the external in the policy.")


class _Externals:
    """Reads network_externals and network_externals_found, which are given in two forms."""

    def __init__(
        self, zones: dict[str, Zone], hosts: dict[str, Host], groups: dict[str, tuple[str, ...]], shape: Shape
    ) -> None:
        self._inner = [zone for zone in zones.values() if not zone.untrusted]
        self._hosts = hosts
        self._groups = groups
        self._shape = shape
        self._networks: dict[str, dict[Network, None]] = {}
        self._names: dict[str, dict[str, tuple[Address, ...]]] = {}

    def read(self, policy: PolicySource, inventory: InventorySource) -> dict[str, External]:
        for variable in ("network_externals", "network_externals_found"):
            entry = inventory.variables.get(variable)
            if entry is not None:
                self._variable(variable, entry, policy)
        return {
            name: External(name, purpose, tuple(self._networks.get(name, {})), self._names.get(name, {}))
            for name, purpose in policy.externals.items()
        }

    def _variable(self, variable: str, entry: Entry, policy: PolicySource) -> None:
        remedy = "Write 'operators: [192.0.2.7]' for each external of the policy."
        section = self._shape.mapping(entry.value, variable, remedy)
        for name, given in section.entries.items() if section else ():
            if name not in policy.externals:
                otherwise = f"Add it to the policy's externals, or remove it. Externals: {listed(policy.externals)}."
                remedy = did_you_mean(name, policy.externals, otherwise)
                found = f"addresses of the external '{name}'"
                self._shape.report(given.key, found, "externals are those of the policy", remedy)
            elif isinstance(given.value, Mapping):
                self._by_name(name, given.value)
            elif not (isinstance(given.value, Sequence) and not given.value.items):
                self._by_address(name, given.value)

    def _by_name(self, external: str, value: Mapping) -> None:
        remedy = "Write 'name: [address, …]'."
        for name, entry in value.entries.items():
            if not DNS_NAME.fullmatch(name):
                rule = "an external's peers are named by DNS names in lower case"
                self._shape.report(entry.key, f"the name '{name}' in {external}", rule, remedy)
                continue
            what = f"an address of {name}"
            items = self._shape.items(entry.value, what, remedy)
            outside = [
                address
                for item in items
                if (address := read_address(item, what, self._shape))
                and self._is_outside(ip_network(address), external, item)
            ]
            names = self._names.setdefault(external, {})
            names[name] = tuple(dict.fromkeys((*names.get(name, ()), *outside)))
            self._add(external, [ip_network(address) for address in outside])

    def _by_address(self, external: str, value: Value) -> None:
        remedy = "Write a list of addresses, networks, hosts or groups."
        for item in self._shape.items(value, f"a peer of external {external}", remedy):
            if is_numeric(item.text):
                network = read_network(item, f"a peer of external {external}", self._shape)
                if network is not None and self._is_outside(network, external, item):
                    self._add(external, [network])
            else:
                self._add(external, self._of_hosts(external, item))

    def _of_hosts(self, external: str, item: Scalar) -> list[Network]:
        names = self._groups.get(item.text) or ((item.text,) if item.text in self._hosts else ())
        if not names and item.text not in self._groups:
            known = (*self._hosts, *self._groups)
            remedy = did_you_mean(item.text, known, "Write an address, a network, or a host or group of the inventory.")
            rule = "a peer is an address, a network, a host or a group"
            self._shape.report(item.mark, f"{item} in external {external}", rule, remedy)
        inner = {zone.name for zone in self._inner}
        found: list[Network] = []
        for name in names:
            addresses = [leg.address for leg in self._hosts[name].legs if leg.zone not in inner]
            if not addresses and self._hosts[name].legs:
                rule = "an external lies in the untrusted zone; hosts of the fleet are named in the flow itself"
                found_text = f"host {name} in external {external}"
                self._shape.report(item.mark, found_text, rule, f"Name {name} in the flow's from or to.")
            found += [ip_network(address) for address in addresses]
        return found

    def _is_outside(self, network: Network, external: str, item: Scalar) -> bool:
        inner = next(
            (
                (zone, each)
                for zone in self._inner
                for each in zone.networks
                if contains(each, network) or contains(network, each)
            ),
            None,
        )
        if inner is None:
            return True
        zone, each = inner
        found = f"{network} in external {external}, which overlaps {each} of zone {zone.name}"
        remedy = f"Name the zone or its hosts in the flow, or write the networks without {each}."
        if network.prefixlen == 0:
            remedy = "Name the peers; or let the flow name the untrusted zone, with 'any_destination: <reason>'."
        self._shape.report(item.mark, found, "an external lies outside every zone but the untrusted one", remedy)
        return False

    def _add(self, external: str, networks: list[Network]) -> None:
        self._networks.setdefault(external, {}).update(dict.fromkeys(networks))
