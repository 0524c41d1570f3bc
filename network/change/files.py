"""Which hosts would get other files, and so have something to load again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff

from network.compile.variables import host_variables
from network.model import Model

_NO_HOST: Mapping[str, str] = {}


@dataclass(frozen=True)
class ChangedFile:
    """One of a host's files, and how many of its lines are added and removed. `load`: what makes it count."""

    name: str
    added: int
    removed: int
    load: str


@dataclass(frozen=True)
class HostFiles:
    """A host whose files change; those of a host that only one model has all do."""

    host: str
    files: tuple[ChangedFile, ...]


_LOAD: Mapping[str, str] = {
    "IPv4 rules": "firewall",
    "IPv6 rules": "firewall",
    "address sets": "firewall",
    "routes": "routes",
    "hosts file": "",
    "nginx": "nginx",
}
"""What is loaded again for each file; the hosts file is read at each look-up."""


def changed_files(before: Model, after: Model) -> Iterator[HostFiles]:
    """Give the hosts of either model whose files differ. Raises UserError where one cannot be compiled."""
    for host in dict.fromkeys((*before.fleet.hosts, *after.fleet.hosts)):
        old, new = (_files(model, host) for model in (before, after))
        changed = [_changed(name, old.get(name, ""), new.get(name, "")) for name in _LOAD]
        found = tuple(each for each in changed if each.added or each.removed)
        if found:
            yield HostFiles(host, found)


def _files(model: Model, host: str) -> Mapping[str, str]:
    if host not in model.fleet.hosts:
        return _NO_HOST
    variables = host_variables(model, host)
    routes = (f"{route['to']} {route.get('via', 'unreachable')}" for route in variables["sallyport_routes"])
    firewall = variables["sallyport_firewall"]
    return {
        "IPv4 rules": firewall["v4"],
        "IPv6 rules": firewall["v6"],
        "address sets": firewall["sets"],
        "routes": "\n".join(routes),
        "hosts file": variables["sallyport_hosts_file"],
        "nginx": variables["sallyport_nginx"] or "",
    }


def _changed(name: str, old: str, new: str) -> ChangedFile:
    if old == new:
        return ChangedFile(name, 0, 0, _LOAD[name])
    lines = [line[0] for line in unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)][2:]
    return ChangedFile(name, lines.count("+"), lines.count("-"), _LOAD[name])
