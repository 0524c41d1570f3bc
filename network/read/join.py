"""The policy's flows joined with the fleet: names looked up, and what no network can carry refused."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations

from network.model import Endpoint, Fleet, Flow, Model, Network, Service
from network.path import NoPathError, ambiguities, families, journey, networks, zone_journey
from network.read.address import contains, is_numeric
from network.read.choice import settled
from network.read.fleet import fleet as join_fleet
from network.read.inventory import InventorySource
from network.read.policy import FlowSource, PolicySource
from network.read.shape import Named, Shape, did_you_mean, listed

_LONGEST_GROUP = 24  # it becomes part of a set's name, which the kernel limits to 31


def join(policy: PolicySource, inventory: InventorySource, shape: Shape) -> Model:
    """Join policy and inventory. What is wrong is reported to `shape`; the answer is of use only when nothing was.

    Ways and coverage are looked at when all else is right, for otherwise one slip would be reported many times.
    """
    fleet = join_fleet(policy, inventory, shape)
    policy, choices = settled(policy, inventory, shape)
    sound = not shape.problems
    flows = {source.id: _flow(source, policy, fleet, shape) for source in policy.flows}
    model = Model(fleet, policy.services, tuple(flows.values()), choices)
    for source in policy.flows:
        if sound and source.publish is not None:
            _publish_fits(flows[source.id], source, source.publish, fleet, shape)
    if shape.problems:
        return model
    _ways_are_clear(model.fleet, inventory, shape)
    if shape.problems:
        return model
    for source in policy.flows:
        _flow_is_carried(model, flows[source.id], source, shape)
    if not shape.problems:
        _published_apart(model, shape)
        _none_covered(model, shape)
    return model


def _flow(source: FlowSource, policy: PolicySource, fleet: Fleet, shape: Shape) -> Flow:
    sources = _endpoints(source.sources, f"'from' of flow {source.id}", policy, fleet, shape)
    destinations = _endpoints(source.destinations, f"'to' of flow {source.id}", policy, fleet, shape)
    services = tuple(_services(source, policy, shape))
    flow = Flow(
        id=source.id,
        source_names=tuple(named.name for named in source.sources),
        destination_names=tuple(named.name for named in source.destinations),
        sources=sources,
        destinations=destinations,
        services=services,
        publish=source.publish.name if source.publish else None,
        http=source.http,
        why=source.why,
        owner=source.owner,
        review_by=source.review_by,
        where=str(source.mark),
        any_destination=source.any_destination.name if source.any_destination else None,
    )
    _guard_fits(flow, source, shape)
    _destination_is_named(flow, source, policy, shape)
    return flow


def _endpoints(
    names: tuple[Named, ...], where: str, policy: PolicySource, fleet: Fleet, shape: Shape
) -> tuple[Endpoint, ...]:
    found: dict[Endpoint, None] = {}
    for named in names:
        ends = _ends(named, where, policy, fleet, shape)
        found.update(dict.fromkeys(ends))
        for zone in (other.name for other in names if other.name in policy.zones and other.name not in fleet.groups):
            inside = [end.name for end in ends if end.name != zone and _stands_in(end, zone, fleet)]
            if inside:
                what = f"'{named.name}' beside '{zone}' in {where}"
                remedy = f"Remove '{named.name}', or '{zone}' if less than the zone is meant."
                shape.report(named.mark, what, f"no end holds another: {inside[0]} is in {zone} already", remedy)
    return tuple(found)


def _ends(named: Named, where: str, policy: PolicySource, fleet: Fleet, shape: Shape) -> tuple[Endpoint, ...]:
    """Look up a name; a group that is called like a zone is the group, which is the narrower of the two."""
    name = named.name
    if name in fleet.groups:
        if len(name) > _LONGEST_GROUP:
            rule = f"a group that flows name has {_LONGEST_GROUP} characters at most"
            shape.report(named.mark, f"the group '{name}' in {where}", rule, "Give it a shorter name.")
        return tuple(Endpoint("host", host) for host in fleet.groups[name])
    if name in policy.zones:
        return (Endpoint("zone", name),)
    if name in fleet.hosts:
        return (Endpoint("host", name),)
    if name in policy.externals:
        return (Endpoint("external", name),)
    known = (*fleet.groups, *policy.zones, *policy.externals, *fleet.hosts)
    remedy = did_you_mean(name, known, f"Known: {listed(dict.fromkeys(known))}.")
    if is_numeric(name):
        remedy = "Make it an external, with its addresses in network_externals; or name a zone."
    rule = "a flow's end is a group, a zone, a host or an external"
    shape.report(named.mark, f"'{name}' in {where}", rule, remedy)
    return ()


def _stands_in(end: Endpoint, zone: str, fleet: Fleet) -> bool:
    """Whether an end lies wholly in a zone. A firewall does not: it has legs elsewhere."""
    if end.kind == "host":
        return fleet.hosts[end.name].zones == (zone,)
    return end.kind == "external" and zone in fleet.zones and fleet.zones[zone].untrusted


def _services(source: FlowSource, policy: PolicySource, shape: Shape) -> Iterator[Service]:
    for named in source.services:
        if named.name in policy.services:
            yield policy.services[named.name]
        else:
            remedy = did_you_mean(named.name, policy.services, f"Add '{named.name}: tcp/…' to the policy's services.")
            found = f"service '{named.name}' in flow {source.id}"
            shape.report(named.mark, found, "a flow's service is one of the policy's", remedy)


def _guard_fits(flow: Flow, source: FlowSource, shape: Shape) -> None:
    if flow.http is None:
        return
    if any(service.protocol != "tcp" for service in flow.services):
        named = listed(f"{service.name} ({service.protocol})" for service in flow.services)
        found = f"'http' in flow {flow.id} with service {named}"
        shape.report(source.http_mark, found, "HTTP is carried by TCP", "Choose a tcp service, or remove 'http'.")
    elif len(source.services) > 1 or any(service.first != service.last for service in flow.services):
        found = f"'http' in flow {flow.id} with more than one port"
        rule = "a guarded flow has one port, where its reverse proxy listens"
        shape.report(source.http_mark, found, rule, "Give each port a flow of its own.")


def _destination_is_named(flow: Flow, source: FlowSource, policy: PolicySource, shape: Shape) -> None:
    anywhere = next((named for named in source.destinations if _is_untrusted(named.name, flow, policy)), None)
    rule = "a flow that leaves names its destinations, unless it says why it cannot"
    if anywhere is not None and source.any_destination is None:
        remedy = "Name an external instead; or add 'any_destination: <the reason>'."
        shape.report(anywhere.mark, f"'{anywhere.name}' in 'to' of flow {flow.id}", rule, remedy)
    elif anywhere is None and source.any_destination is not None:
        found = f"'any_destination' in flow {flow.id}, which names its destinations"
        shape.report(source.any_destination.mark, found, rule, "Remove 'any_destination'.")


def _is_untrusted(name: str, flow: Flow, policy: PolicySource) -> bool:
    """Whether a name of a flow's `to` is the untrusted zone, and not a group of that name."""
    zone = policy.zones.get(name)
    return zone is not None and zone.trust == "untrusted" and Endpoint("zone", name) in flow.destinations


def _publish_fits(flow: Flow, source: FlowSource, publish: Named, fleet: Fleet, shape: Shape) -> None:
    outside = next((zone.name for zone in fleet.zones.values() if zone.untrusted), None)
    edges = [name for name, hosts in fleet.groups.items() if hosts and _all_edges(hosts, fleet, outside)]
    rule = "a flow is published on a group of firewalls with a leg in the untrusted zone"
    if publish.name not in edges:
        remedy = did_you_mean(publish.name, edges, f"Name such a group: {listed(edges)}.")
        found = f"'publish: {publish.name}' in flow {flow.id}"
        if publish.name not in fleet.groups:
            found += ", which is no group"
        elif not fleet.groups[publish.name]:
            found += ", a group without hosts"
        shape.report(publish.mark, found, rule, remedy)
        return
    inner = [end.name for end in flow.sources if not _starts_outside(end, fleet, outside)]
    if inner:
        found = f"{listed(inner)} in 'from' of the published flow {flow.id}"
        rule = "a published flow comes from the untrusted zone"
        remedy = "Remove 'publish', or give those hosts a flow of their own: they reach the host itself."
        shape.report(source.sources[0].mark, found, rule, remedy)
    hosts = [end.name for end in flow.destinations if end.kind == "host"]
    if len(flow.destinations) > 1 or len(hosts) != len(flow.destinations):
        found = f"{listed(end.name for end in flow.destinations)} in 'to' of the published flow {flow.id}"
        shape.report(source.destinations[0].mark, found, "a published address leads to one host", "Name one host.")
    elif hosts and outside in fleet.hosts[hosts[0]].zones:
        found = f"{hosts[0]} in 'to' of the published flow {flow.id}"
        rule = "a published flow leads from the untrusted zone to a host behind the firewall"
        shape.report(source.destinations[0].mark, found, rule, "Remove 'publish': the host has an address there.")


def _all_edges(hosts: tuple[str, ...], fleet: Fleet, outside: str | None) -> bool:
    return all(fleet.hosts[host].firewall and outside in fleet.hosts[host].zones for host in hosts)


def _starts_outside(end: Endpoint, fleet: Fleet, outside: str | None) -> bool:
    if end.kind == "host":
        return fleet.hosts[end.name].zones == (outside,)
    return end.kind == "external" or end.name == outside


def _ways_are_clear(fleet: Fleet, inventory: InventorySource, shape: Shape) -> None:
    doubles = ambiguities(fleet)
    shortest = min((len(first.hops) for first, _ in doubles), default=0)
    for first, second in doubles:
        if len(first.hops) > shortest:
            continue  # it leads along one of the others
        one, two = (listed(hop.host for hop in way.hops) for way in (first, second))
        mark = inventory.hosts[second.hops[-1].host].mark
        found = f"two ways from zone {first.start} to zone {first.end}: by {one}, and by {two}"
        rule = "between two zones there is one shortest way, or the packets of a connection may part"
        shape.report(mark, found, rule, f"Take one of the legs in {first.start} or {first.end} away.")
    lost = [host for host in fleet.hosts.values() if not _reaches(fleet, host.zones, fleet.management.name)]
    if lost:
        found = f"{listed(host.name for host in lost)}, which no firewall joins to zone {fleet.management.name}"
        rule = "every host can be administered from the management zone"
        shape.report(inventory.hosts[lost[0].name].mark, found, rule, "Give a firewall a leg in that zone.")


def _reaches(fleet: Fleet, zones: tuple[str, ...], zone: str) -> bool:
    try:
        zone_journey(fleet, zones, (zone,))
    except NoPathError:
        return False
    return True


def _flow_is_carried(model: Model, flow: Flow, source: FlowSource, shape: Shape) -> None:
    """Report the first pair of ends that cannot talk, for the others mostly fail for the same reason."""
    for one in flow.sources:
        for other in flow.destinations:
            reason = None if one == other and one.kind == "host" else _obstacle(model, flow, one, other)
            if reason is not None:
                found, rule, remedy = reason
                shape.report(source.mark, f"flow {flow.id} from {one.name} to {other.name}: {found}", rule, remedy)
                return


def _obstacle(model: Model, flow: Flow, one: Endpoint, other: Endpoint) -> tuple[str, str, str] | None:
    """Return what is found, the rule and the remedy, when no packet can travel from one end to the other."""
    outside = model.fleet.untrusted.name
    try:
        way = journey(model, one, other)
    except NoPathError as error:
        return str(error), "firewalls join the zones of a flow's ends", "Give a firewall a leg in both zones."
    if Endpoint("zone", outside) == one and way.end == outside and other.kind != "host":
        return "both are outside", "a flow has an end in the fleet", "Name a host or a group at one end."
    if way.start == outside and way.end != outside and flow.publish is None:
        rule = "from the untrusted zone inner hosts are reached only by a published address"
        return f"{other.name} is not outside", rule, "Add 'publish: <the group of the edge firewall>'."
    if flow.publish is not None and way.hops and way.hops[0].host not in model.fleet.groups[flow.publish]:
        rule = "a flow is published on the firewall by which it enters"
        return f"it enters by {way.hops[0].host}", rule, f"Publish it on a group of {way.hops[0].host}."
    if not _empty(model, one) and not _empty(model, other) and not families(model, one, other):
        rule = "both ends and the firewalls between them have addresses of one family"
        return "no address family in common", rule, "Give the one that lacks it an IPv4 or an IPv6 address."
    return None


def _empty(model: Model, end: Endpoint) -> bool:
    return end.kind == "external" and not model.fleet.externals[end.name].networks


def _published_apart(model: Model, shape: Shape) -> None:
    """Refuse a public port that would lead to two hosts, or that a flow to the firewall itself has already."""
    published = [flow for flow in model.flows if flow.publish is not None]
    for first, second in combinations(published, 2):
        ports = list(_shared_ports(first.services, second.services))
        if ports and first.destinations != second.destinations and _same_hosts(model, first, second):
            found = f"{listed(ports)} published by flow {second.id}, and by {first.id} ({first.where})"
            rule = "a port of a public address leads to one host"
            shape.report(second.where, found, rule, "Publish one of the two on another port or firewall.")
    outside = model.fleet.untrusted.name
    for flow in published:
        edges = {Endpoint("host", host) for host in model.fleet.groups[flow.publish or ""]}
        for direct in model.flows:
            ports = list(_shared_ports(flow.services, direct.services))
            from_outside = any(_starts_outside(end, model.fleet, outside) for end in direct.sources)
            if direct.publish is None and ports and from_outside and edges & set(direct.destinations):
                found = f"{listed(ports)} published by flow {flow.id}, and open on the firewall by {direct.id}"
                rule = f"a port of a public address leads to one host (the other flow is at {direct.where})"
                shape.report(flow.where, found, rule, "Change the port of one of the two.")


def _same_hosts(model: Model, first: Flow, second: Flow) -> bool:
    groups = model.fleet.groups
    return bool(set(groups[first.publish or ""]) & set(groups[second.publish or ""]))


def _shared_ports(first: Iterable[Service], second: Iterable[Service]) -> Iterator[str]:
    for one in first:
        for other in second:
            if one.protocol == other.protocol and one.first <= other.last and other.first <= one.last:
                yield f"{one.protocol}/{max(one.first, other.first)}"


def _none_covered(model: Model, shape: Shape) -> None:
    """Refuse a flow that allows nothing which another does not: to remove it would change nothing, nor is it read."""
    by_source: dict[Endpoint, list[Flow]] = defaultdict(list)
    wide: list[Flow] = []
    for flow in model.flows:
        if any(end.kind != "host" for end in flow.sources):
            wide.append(flow)
        for end in flow.sources:
            by_source[end].append(flow)
    order = {flow.id: position for position, flow in enumerate(model.flows)}
    for flow in model.flows:
        if not flow.sources or not flow.destinations:
            continue
        candidates = {other.id: other for other in (*by_source[flow.sources[0]], *wide)}
        for other in candidates.values():
            if other is not flow and _covers(model, other, flow):
                if order[flow.id] < order[other.id] and _covers(model, flow, other):
                    continue  # the two are equal: the later one is reported
                found = f"flow {flow.id}, all of which flow {other.id} ({other.where}) allows"
                remedy = f"Remove {flow.id}, or make {other.id} narrower."
                if flow.http is not None and other.http is None:
                    remedy += f" As it is, {other.id} goes around the 'http' of {flow.id}."
                shape.report(flow.where, found, "a flow allows something that no other does", remedy)
                break


def _covers(model: Model, wide: Flow, narrow: Flow) -> bool:
    if wide.publish != narrow.publish or (wide.http is not None and wide.http != narrow.http):
        return False
    for service in narrow.services:
        if not any(
            each.protocol == service.protocol and each.first <= service.first and service.last <= each.last
            for each in wide.services
        ):
            return False
    pairs = [
        (one, other) for one in narrow.sources for other in narrow.destinations if one != other or one.kind != "host"
    ]
    return bool(pairs) and all(
        any(
            _within(model, one, source, other) and _within(model, other, destination, one)
            for source in wide.sources
            for destination in wide.destinations
        )
        for one, other in pairs
    )


def _within(model: Model, inner: Endpoint, outer: Endpoint, peer: Endpoint) -> bool:
    """Whether every address with which `inner` talks to `peer` belongs to `outer`."""
    if inner == outer:
        return True
    if outer.kind == "host" or _empty(model, inner):
        return False
    if outer.kind == "zone" and model.fleet.zones[outer.name].untrusted:
        return journey(model, inner, peer).start == outer.name
    if outer.kind == "zone":
        outers: tuple[Network, ...] = model.fleet.zones[outer.name].networks
    else:
        outers = model.fleet.externals[outer.name].networks
    inners = [networks(model, inner, peer, version) for version in (4, 6)]
    return all(
        given is not None and all(any(contains(each, network) for each in outers) for network in given)
        for given in inners
    )
