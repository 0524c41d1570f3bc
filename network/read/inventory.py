"""The inventory's files as typed values with marks: hosts with their legs, groups, and the network_* variables.

An ordinary Ansible YAML inventory; what is not about the network is passed over. Ansible's own reader is not used,
for it keeps no lines. A test compares the two.
"""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from network.errors import UserError
from network.read.shape import DNS_NAME, Named, Shape, did_you_mean, suggestion
from network.read.tree import Entry, Mapping, Mark, Scalar, Value, parse

VARIABLES = (
    "network_environment",
    "network_domain",
    "network_public_names",
    "network_choices",
    "network_zones",
    "network_externals",
    "network_externals_found",
)
_VAULT = b"$ANSIBLE_VAULT;"


@dataclass(frozen=True)
class LegSource:
    """An address as a host's leg has it."""

    zone: Named
    address: Scalar


@dataclass
class HostSource:
    """A host of the inventory. `near_legs` is a key of its variables that looks like a misspelt ``legs``."""

    name: str
    mark: Mark
    legs: list[LegSource] = field(default_factory=list)
    legs_mark: Mark | None = None
    near_legs: Named | None = None


@dataclass
class GroupSource:
    """A group with its own hosts and the groups inside it, by name."""

    name: str
    mark: Mark
    hosts: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)


@dataclass
class InventorySource:
    """The inventory before it meets the policy. `place` names it in messages; `variables` are the network_* ones.

    It is `readable` when all of its files are YAML.
    """

    place: str
    hosts: dict[str, HostSource] = field(default_factory=dict)
    groups: dict[str, GroupSource] = field(default_factory=dict)
    variables: dict[str, Entry] = field(default_factory=dict)
    readable: bool = True

    def members(self, group: str) -> tuple[str, ...]:
        """Return the hosts of a group and of the groups inside it, each once, in the order of the inventory."""
        inside: set[str] = set()
        waiting, seen = [group], {group}
        while waiting:
            current = self.groups[waiting.pop()]
            inside.update(current.hosts)
            waiting += [child for child in current.children if child not in seen]
            seen.update(current.children)
        return tuple(host for host in self.hosts if host in inside)


def read(place: str, files: MappingType[str, bytes], shape: Shape) -> InventorySource:
    """Read the files of an inventory, by their path inside it. What is wrong is reported to `shape`."""
    inventory = InventorySource(place)
    for name, content in files.items():
        if content.startswith(_VAULT) or (name.startswith(("group_vars/", "host_vars/")) and not content.strip()):
            continue
        try:
            tree = parse(content, f"{place}/{name}")
        except UserError as error:
            shape.problems += error.problems
            inventory.readable = False
            continue
        parts = PurePosixPath(name).parts
        if parts[0] == "group_vars":
            _group_variables(tree, _owner(parts), inventory, shape)
        elif parts[0] == "host_vars":
            _host_file(tree, _owner(parts), inventory, shape)
        else:
            _hosts_file(tree, inventory, shape)
    if not inventory.hosts and not shape.problems:
        remedy = "List them under 'all:', as inventory/lab/hosts.yml has it."
        shape.report(place, "no hosts", "an environment has hosts", remedy)
    return inventory


def _owner(parts: tuple[str, ...]) -> str:
    return parts[1] if len(parts) > 2 else PurePosixPath(parts[1]).stem


def _hosts_file(tree: Value, inventory: InventorySource, shape: Shape) -> None:
    document = shape.mapping(tree, "the inventory", "Write 'all: {children: …}' as inventory/lab/hosts.yml has it.")
    for name, entry in document.entries.items() if document else ():
        _group(name, entry, inventory, shape)


def _group(name: str, entry: Entry, inventory: InventorySource, shape: Shape) -> None:
    group = inventory.groups.setdefault(name, GroupSource(name, entry.key))
    if isinstance(entry.value, Scalar) and entry.value.value is None:
        return
    remedy = "Write its children, hosts or vars; an empty group is written with nothing after the colon."
    content = shape.mapping(entry.value, f"group {name}", remedy)
    if content is None:
        return
    shape.keys(content, f"group {name}", ("children", "hosts", "vars"))
    for key, inside in content.entries.items():
        if isinstance(inside.value, Scalar) and inside.value.value is None:
            continue
        section = shape.mapping(inside.value, f"'{key}' of group {name}", f"Write a mapping under '{key}:'.")
        if section is None:
            continue
        if key == "vars":
            _group_variables(section, name, inventory, shape)
        elif key == "children":
            for child, child_entry in section.entries.items():
                group.children.append(child)
                _group(child, child_entry, inventory, shape)
        elif key == "hosts":
            for host, host_entry in section.entries.items():
                _host(host, host_entry, group, inventory, shape)


def _host(name: str, entry: Entry, group: GroupSource, inventory: InventorySource, shape: Shape) -> None:
    if "[" in name:
        remedy = "Write each host by its name: each has its own addresses."
        shape.report(entry.key, f"the range '{name}'", "a host is written by its name", remedy)
        return
    if not DNS_NAME.fullmatch(name) or "." in name:
        rule = "a host's name is one DNS label: lower-case letters, digits and hyphens"
        shape.report(entry.key, f"the host name '{name}'", rule, "Leave out the domain: network_domain gives it.")
        return
    host = inventory.hosts.setdefault(name, HostSource(name, entry.key))
    if name not in group.hosts:
        group.hosts.append(name)
    if isinstance(entry.value, Scalar) and entry.value.value is None:
        return
    variables = shape.mapping(entry.value, f"host {name}", f"Write '{name}: {{legs: {{…}}}}'.")
    if variables is not None:
        _host_variables(variables, host, shape)


def _host_file(tree: Value, name: str, inventory: InventorySource, shape: Shape) -> None:
    variables = shape.mapping(tree, f"the variables of host {name}", "Write 'name: value' lines.")
    if variables is None:
        return
    host = inventory.hosts.get(name)
    if host is not None:
        _host_variables(variables, host, shape)
    elif "legs" in variables.entries:
        remedy = did_you_mean(name, inventory.hosts, "List the host in hosts.yml, or remove the file.")
        found = f"legs of the host '{name}'"
        shape.report(variables.entries["legs"].key, found, "hosts are listed in hosts.yml", remedy)


def _host_variables(variables: Mapping, host: HostSource, shape: Shape) -> None:
    for key, entry in variables.entries.items():
        if key == "legs":
            _legs(entry, host, shape)
        elif key.startswith("network_"):
            _misplaced(key, entry, f"host {host.name}", shape)
        elif suggestion(key, ("legs",)):
            host.near_legs = Named(key, entry.key)


def _legs(entry: Entry, host: HostSource, shape: Shape) -> None:
    if host.legs_mark is not None:
        found = f"legs of {host.name} again (first at {host.legs_mark})"
        shape.report(entry.key, found, "a host's legs are given in one place", "Join the two, and remove one.")
        return
    host.legs_mark = entry.key
    remedy = "Write 'legs: {zone: address}'; a list of addresses for more than one in a zone."
    legs = shape.mapping(entry.value, f"'legs' of {host.name}", remedy)
    for zone, leg in legs.entries.items() if legs else ():
        for address in shape.items(leg.value, f"the address of {host.name} in {zone}", remedy):
            host.legs.append(LegSource(Named(zone, leg.key), address))


def _group_variables(tree: Value, group: str, inventory: InventorySource, shape: Shape) -> None:
    if isinstance(tree, Scalar) and tree.value is None:
        return
    variables = shape.mapping(tree, f"the variables of group {group}", "Write 'name: value' lines.")
    for key, entry in variables.entries.items() if variables else ():
        if key == "legs":
            found = f"legs in the variables of group {group}"
            shape.report(entry.key, found, "legs belong to a host: no two share an address", "Move them to the host.")
        elif not key.startswith("network_"):
            continue
        elif group != "all":
            _misplaced(key, entry, f"group {group}", shape)
        elif key not in VARIABLES:
            rule = "variables called network_… are the ones the network is derived from"
            remedy = did_you_mean(key, VARIABLES, f"Choose another prefix. Known: {', '.join(VARIABLES)}.")
            shape.report(entry.key, f"the variable '{key}'", rule, remedy)
        elif key in inventory.variables:
            found = f"'{key}' again (first at {inventory.variables[key].key})"
            shape.report(entry.key, found, "a variable of the network is given once", "Join the two, and remove one.")
        else:
            inventory.variables[key] = entry


def _misplaced(key: str, entry: Entry, owner: str, shape: Shape) -> None:
    found = f"'{key}' in the variables of {owner}"
    rule = "the network is the same for every host: its variables belong to group_vars/all"
    shape.report(entry.key, found, rule, "Move it to group_vars/all/network.yml.")
