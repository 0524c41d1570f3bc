"""The order in which pictures list who takes part: zone by zone, each firewall below the outermost of its zones."""

from dataclasses import dataclass

from network.model import Model
from network.path import zone_journey


@dataclass(frozen=True)
class Band:
    """A zone, or a firewall (`zone` is empty), with the names that stand in it. `title` is for the reader."""

    zone: str
    title: str
    ends: tuple[str, ...]


def bands(model: Model) -> tuple[Band, ...]:
    """Return the zones with their hosts, and the firewalls.

    A zone's own name comes first where a flow names the zone as a whole, then the externals that stand in it.
    """
    fleet = model.fleet
    untrusted = fleet.untrusted.name
    whole = {end.name for flow in model.flows for end in (*flow.sources, *flow.destinations) if end.kind == "zone"}
    firewalls: dict[str, list[str]] = {}
    for host in fleet.hosts.values():
        if host.firewall:
            firewalls.setdefault(zone_journey(fleet, host.zones, (untrusted,)).start, []).append(host.name)
    found: list[Band] = []
    for zone in fleet.zones.values():
        ends = [zone.name] if zone.name in whole or zone.untrusted else []
        ends += [*fleet.externals] if zone.untrusted else []
        ends += [host.name for host in fleet.hosts_in(zone.name) if not host.firewall]
        title = f"{zone.name}: {zone.purpose}" if zone.purpose else zone.name
        found.append(Band(zone.name, title, tuple(ends)))
        found += [Band("", "firewall", (name,)) for name in firewalls.get(zone.name, ())]
    return tuple(found)
