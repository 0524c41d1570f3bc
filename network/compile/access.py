"""What the policy lets one host receive, send and forward."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from network.compile.addresses import Addresses, union
from network.compile.conversation import (
    Conversation,
    addresses,
    own,
    published,
    translated,
    travels,
)
from network.compile.rule import Access, Ports, Rule
from network.model import Address, Endpoint, Flow, Host, Model, Service
from network.path import Journey

MULTIPORT = 15
"""How many ports the multiport match takes (iptables-extensions(8)); a range counts as two."""


def access(
    model: Model, talks: Sequence[Conversation], host_name: str, version: int, *, over_zones: bool = False
) -> Access:
    """Return what a host lets through of the model's conversations, in an IP version and the order of the policy.

    A rule speaks of packets from one zone; with `over_zones` a flow has as few rules as can be, whatever zones its
    packets come from. Such a rule may let any source pass to any destination of the flow, also those that do not meet
    on this way: the flow allows them all.
    """
    host = model.fleet.hosts[host_name]
    incoming: list[_Part] = []
    outgoing: list[_Part] = []
    crossing: list[_Part] = []
    leaves = False
    view = _View(model, host, version)
    for talk in talks:
        outgoing += view.outgoing(talk)
        incoming += view.incoming(talk)
        if view.crosses(talk.journey) and (parts := view.crossing(talk)):
            crossing += parts
            leaves |= translated(model, talk) and talk.journey.hops[-1].host == host_name
    forwarded = _rules(crossing, over_zones)
    return Access(
        _rules(incoming, over_zones),
        _rules(outgoing, over_zones),
        forwarded,
        tuple(rule for rule in forwarded if rule.sent_to is not None),
        own(host, version, model.fleet.untrusted.name)[0] if leaves else None,
    )


class _Part(NamedTuple):
    """What a conversation makes a host let through, before services are looked at.

    `fixed` says that its ends have the same addresses for every peer: only firewalls have several.
    """

    flow: Flow
    zone: str
    source: Addresses
    destination: Addresses
    partial: bool
    fixed: bool
    sent_to: Address | None = None


@dataclass
class _View:
    """What one host sees of conversations in one IP version.

    What it has found it keeps by the identity of ends and journeys, which conversations share.
    """

    model: Model
    host: Host
    version: int

    def __post_init__(self) -> None:
        self._own = own(self.host, self.version)
        self._untrusted = self.model.fleet.untrusted.name
        self._found: dict[tuple[int, str], Addresses] = {}
        self._own_found: dict[tuple[int, str], Addresses] = {}
        self._crossed: dict[int, bool] = {}
        self._travelled: dict[int, bool] = {}
        self._firewalls: dict[int, bool] = {}

    def outgoing(self, talk: Conversation) -> list[_Part]:
        """Return what the host opens itself. A published service is reached at the public address, nowhere else."""
        mine = self._mine(talk.sources, talk.journey.start)
        if not mine:
            return []
        destination = self._addresses(talk.destinations, talk.journey.end)
        if published(self.model, talk):
            destination = Addresses.of(self._offered_at(talk))
        return self._parts(talk, talk.journey.start, mine, destination.without(self._own))

    def incoming(self, talk: Conversation) -> list[_Part]:
        """Return what is opened to the host. What left the fleet carries the last firewall's address."""
        mine = self._mine(talk.destinations, talk.journey.end)
        if not mine:
            return []
        source, zone = self._addresses(talk.sources, talk.journey.start), talk.journey.start
        if translated(self.model, talk) and talk.journey.hops[-1].host != self.host.name:
            last = self.model.fleet.hosts[talk.journey.hops[-1].host]
            source, zone = Addresses.of(own(last, self.version, self._untrusted)[:1]), self._untrusted
        return self._parts(talk, zone, source.without(self._own), mine)

    def crossing(self, talk: Conversation) -> list[_Part]:
        """Return what the host forwards. Where it also translates, packets were sent to the public address."""
        source = self._addresses(talk.sources, talk.journey.start)
        destination = self._addresses(talk.destinations, talk.journey.end)
        zone = talk.journey.start
        if published(self.model, talk) and talk.journey.hops[0].host == self.host.name:
            return [
                part
                for public in self._offered_at(talk)
                for part in self._parts(talk, zone, source, destination, public)
            ]
        return self._parts(talk, zone, source, destination)

    def _offered_at(self, talk: Conversation) -> tuple[Address, ...]:
        return own(self.model.fleet.hosts[talk.journey.hops[0].host], self.version, self._untrusted)

    def _mine(self, endpoints: tuple[Endpoint, ...], zone: str) -> Addresses:
        """Return the host's own addresses among those of the endpoints."""
        key = id(endpoints), zone
        if key not in self._own_found:
            found = self._addresses(endpoints, zone)
            self._own_found[key] = Addresses.of(address for address in self._own if address in found)
        return self._own_found[key]

    def _addresses(self, endpoints: tuple[Endpoint, ...], zone: str) -> Addresses:
        key = id(endpoints), zone
        if key not in self._found:
            self._found[key] = addresses(self.model, endpoints, zone, self.version)
        return self._found[key]

    def _parts(
        self,
        talk: Conversation,
        zone: str,
        source: Addresses,
        destination: Addresses,
        sent_to: Address | None = None,
    ) -> list[_Part]:
        if not source or not destination or not self._travels(talk.journey):
            return []
        fixed = not self._with_firewall(talk.sources) and not self._with_firewall(talk.destinations)
        partial = len(talk.sources) < len(talk.flow.sources)
        return [_Part(talk.flow, zone, source, destination, partial, fixed, sent_to)]

    def crosses(self, journey: Journey) -> bool:
        """Tell whether the host forwards on this way."""
        if id(journey) not in self._crossed:
            self._crossed[id(journey)] = any(hop.host == self.host.name for hop in journey.hops)
        return self._crossed[id(journey)]

    def _travels(self, journey: Journey) -> bool:
        if id(journey) not in self._travelled:
            self._travelled[id(journey)] = travels(self.model, journey, self.version)
        return self._travelled[id(journey)]

    def _with_firewall(self, endpoints: tuple[Endpoint, ...]) -> bool:
        if id(endpoints) not in self._firewalls:
            hosts = self.model.fleet.hosts
            self._firewalls[id(endpoints)] = any(end.kind == "host" and hosts[end.name].firewall for end in endpoints)
        return self._firewalls[id(endpoints)]


def _rules(parts: Iterable[_Part], over_zones: bool) -> tuple[Rule, ...]:
    """Return the rules of the parts, in the order of the policy."""
    by_flow: dict[str, list[_Part]] = {}
    for part in parts:
        by_flow.setdefault(part.flow.id, []).append(part)
    found: list[Rule] = []
    for flow, of_flow in by_flow.items():
        services = _services(of_flow[0].flow)
        for part in _over_zones(of_flow) if over_zones else _merged(of_flow):
            single = part.sent_to is not None
            found += [
                Rule(
                    flow,
                    part.zone,
                    part.source,
                    part.destination,
                    ports,
                    _set_name(part.flow.source_names, f"{flow}-from"),
                    _set_name(part.flow.destination_names, f"{flow}-to"),
                    part.partial,
                    part.sent_to,
                )
                for ports in (_one_by_one(services) if single else services)
            ]
    return tuple(found)


def _merged(parts: Iterable[_Part]) -> list[_Part]:
    """Return the parts of a flow in fewer: those with one source are joined, then those with one destination."""
    return _joined(_joined((part._replace(fixed=True) for part in parts), _any_destination), _any_source)


def _over_zones(parts: Iterable[_Part]) -> list[_Part]:
    """Return the parts of a flow in as few as can be, without a zone."""
    loose = [part._replace(zone="", partial=False) for part in parts]
    firm = _joined(loose, lambda part: _any_source(_any_destination(part)) if part.fixed else part)
    return _joined(_joined(firm, _any_destination), _any_source)


def _any_source(part: _Part) -> _Part:
    return part._replace(source=_nothing(part.source))


def _any_destination(part: _Part) -> _Part:
    return part._replace(destination=_nothing(part.destination))


def _nothing(addresses: Addresses) -> Addresses:
    # What lies outside is never joined with zones, for one match cannot say both.
    return Addresses((), addresses.outside)


def _joined(parts: Iterable[_Part], rest: Callable[[_Part], _Part]) -> list[_Part]:
    """Join the parts that are the same in the rest."""
    found: dict[tuple[object, ...], list[_Part]] = {}
    for part in parts:
        found.setdefault(rest(part)[1:], []).append(part)
    return [
        alike[0]._replace(
            source=union(part.source for part in alike), destination=union(part.destination for part in alike)
        )
        for alike in found.values()
    ]


def _set_name(names: tuple[str, ...], otherwise: str) -> str:
    return names[0] if len(names) == 1 else otherwise


def _services(flow: Flow) -> list[Ports]:
    """Return the flow's services, as few rules as the multiport match allows."""
    found: list[Ports] = []
    for protocol in ("tcp", "udp"):
        taken: list[tuple[int, int]] = []
        for span in _spans(service for service in flow.services if service.protocol == protocol):
            if sum(1 if first == last else 2 for first, last in (*taken, span)) > MULTIPORT:
                found.append(Ports(protocol, tuple(taken)))
                taken = []
            taken.append(span)
        if taken:
            found.append(Ports(protocol, tuple(taken)))
    return found


def _one_by_one(services: Iterable[Ports]) -> list[Ports]:
    return [Ports(ports.protocol, (span,)) for ports in services for span in ports.spans]


def _spans(services: Iterable[Service]) -> list[tuple[int, int]]:
    """Return ranges of ports, sorted, with those that touch or overlap joined."""
    found: list[tuple[int, int]] = []
    for first, last in sorted((service.first, service.last) for service in services):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
