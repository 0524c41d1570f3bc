"""The environment as a Mermaid flowchart: zones with their hosts, the firewalls between, and the flows.

Kept legible: flows between the same two ends share an arrow; a group that spans most zones is one node, so that what
every host does is drawn once; stand-ins for the world outside are drawn as that world.
"""

from collections.abc import Iterator

from network.model import Endpoint, Flow, Model, Service
from network.path import zone_journey

_LOOK_ALIKES = str.maketrans({'"': "'", "`": "'", "<": "‹", ">": "›", "#": "＃", "|": "¦", "\\": "/"})

WIDE = 3
"""A group with hosts in more zones than this is drawn as one node."""


def diagram(model: Model) -> str:
    """Return the flowchart's text, without the fence of Markdown. The same model gives the same text."""
    return "\n".join(["flowchart LR", *(f"  {line}" for line in (*_zones(model), *_joints(model), *_arrows(model)))])


def _zones(model: Model) -> Iterator[str]:
    arrows = _drawn(model)
    opening = {source for source, _ in arrows}
    used = {end for pair in arrows for end in pair}
    for zone in model.fleet.zones.values():
        whole = f"world_{_key(zone.name)}"
        nodes = [f'{whole}(["{"anyone" if zone.untrusted else f"all of {zone.name}"}"])'] if whole in used else []
        if zone.untrusted:
            nodes += [f'{_peer(name)}(["{name}"])' for name in model.fleet.externals if _peer(name) in opening]
        else:
            inner = (host for host in model.fleet.hosts_in(zone.name) if not host.firewall)
            nodes += [f'host_{_key(host.name)}["{host.name}"]' for host in inner]
        title = zone.name if zone.untrusted else f"{zone.name}: {zone.purpose}"
        yield from _zone(f"zone_{_key(zone.name)}", title, nodes)
    called = [name for name in model.fleet.externals if _peer(name) in used - opening]
    nodes = [f'{_peer(name)}(["{name}"])' for name in called]
    if nodes:
        # Drawn apart from those who call us, so that the picture reads from left to right.
        yield from _zone("zone_called", f"{model.fleet.untrusted.name}: called from inside", nodes)
    for group in model.fleet.groups:
        if f"group_{_key(group)}" in used:
            yield f'group_{_key(group)}{{{{"every host of {group}"}}}}'


def _zone(key: str, title: str, nodes: list[str]) -> Iterator[str]:
    yield f'subgraph {key}["{_escaped(title)}"]'
    yield from (f"  {node}" for node in nodes)
    yield "end"


def _joints(model: Model) -> Iterator[str]:
    """Yield the firewalls, each with a plain line from its outermost zone and to its others."""
    for host in model.fleet.hosts.values():
        if host.firewall:
            outer = zone_journey(model.fleet, host.zones, (model.fleet.untrusted.name,)).start
            yield f'host_{_key(host.name)}[/"{host.name}: firewall"\\]'
            yield f"zone_{_key(outer)} --- host_{_key(host.name)}"
            yield from (f"host_{_key(host.name)} --- zone_{_key(zone)}" for zone in host.zones if zone != outer)


def _arrows(model: Model) -> Iterator[str]:
    for (source, destination), services in _drawn(model).items():
        wide = "group_" in (source + destination)
        arrow = "-.->" if wide else "==>" if any(flow.http for flow, _ in services) else "-->"
        label = ", ".join(dict.fromkeys(_label(flow, service) for flow, service in services))
        yield f'{source} {arrow}|"{label}"| {destination}'


def _drawn(model: Model) -> dict[tuple[str, str], list[tuple[Flow, Service]]]:
    """Return the arrows: for each pair of nodes, what flows between them."""
    arrows: dict[tuple[str, str], list[tuple[Flow, Service]]] = {}
    for flow in model.flows:
        for source in _nodes(model, flow.source_names, flow.sources):
            for destination in _nodes(model, flow.destination_names, flow.destinations):
                if source != destination:
                    arrows.setdefault((source, destination), []).extend((flow, service) for service in flow.services)
    return arrows


def _nodes(model: Model, names: tuple[str, ...], ends: tuple[Endpoint, ...]) -> list[str]:
    """Return the nodes of one side of a flow, each once."""
    found: dict[str, None] = {}
    wide: set[str] = set()
    for name in names:
        hosts = model.fleet.groups.get(name, ())
        if len({zone for host in hosts for zone in model.fleet.hosts[host].zones}) > WIDE and len(hosts) > 1:
            found[f"group_{_key(name)}"] = None
            wide.update(hosts)
    for end in ends:
        if end.kind == "zone":
            found[f"world_{_key(end.name)}"] = None
        elif end.kind == "external":
            found[_peer(end.name)] = None
        elif end.kind == "host" and end.name not in wide and not _stands_in(model, end.name):
            found[f"host_{_key(end.name)}"] = None
    return list(found)


def _stands_in(model: Model, host: str) -> bool:
    """Whether a host only plays the world outside."""
    return model.fleet.hosts[host].zones == (model.fleet.untrusted.name,)


def _label(flow: Flow, service: Service) -> str:
    ports = str(service.first) if service.first == service.last else f"{service.first}-{service.last}"
    named = f"{service.name} {ports}"
    return f"{flow.http.method} {_escaped(flow.http.path)} on {named}" if flow.http else named


def _key(name: str) -> str:
    return name.replace("-", "_")


def _peer(name: str) -> str:
    return f"peer_{_key(name)}"


def _escaped(text: str) -> str:
    """Return text as a quoted label can hold it: with look-alikes, for Mermaid shows its own escapes on some labels."""
    return text.translate(_LOOK_ALIKES)
