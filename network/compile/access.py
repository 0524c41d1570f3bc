"""What the policy lets one host receive, send and forward."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from network.compile.addresses import Addresses
from network.compile.conversation import (
    Conversation,
    addresses,
    conversations,
    own,
    published,
    takes_part,
    translated,
    travels,
)
from network.compile.rule import Access, Ports, Rule
from network.model import Address, Endpoint, Flow, Host, Model, Service

MULTIPORT = 15
"""How many ports the multiport match takes (iptables-extensions(8)); a range counts as two."""


def access(model: Model, host_name: str, version: int) -> Access:
    """Return all rules of a host for an IP version (4 or 6), in the order of the policy."""
    host = model.fleet.hosts[host_name]
    incoming: list[_Part] = []
    outgoing: list[_Part] = []
    crossing: list[_Part] = []
    leaves = False
    view = _View(model, host, version)
    for talk in conversations(model):
        crossed = any(hop.host == host_name for hop in talk.journey.hops)
        if not crossed and not takes_part(model, (*talk.sources, *talk.destinations), host):
            continue
        source, destination = view.ends(talk)
        if not source or not destination or not travels(model, talk.journey, version):
            continue
        outgoing += view.outgoing(talk)
        incoming += view.incoming(talk)
        if crossed:
            crossing += view.crossing(talk)
            leaves |= translated(model, talk) and talk.journey.hops[-1].host == host_name
    forwarded = _rules(crossing)
    return Access(
        _rules(incoming),
        _rules(outgoing),
        forwarded,
        tuple(rule for rule in forwarded if rule.sent_to is not None),
        own(host, version, model.fleet.untrusted.name)[0] if leaves else None,
    )


def joined_over_zones(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return the rules of each flow in as few as can be, whatever zones their packets come from.

    Where the ends are fixed, a rule then lets any source pass to any destination, also those that do not meet on this
    way: the flow allows them all.
    """
    found: dict[Rule, tuple[Addresses, Addresses]] = {}
    for rule in rules:
        rest = replace(rule, zone="", partial=False, source=Addresses((), rule.source.outside))
        if rule.fixed:
            rest = replace(rest, destination=Addresses((), rule.destination.outside))
        source, destination = found.get(rest, (rule.source, rule.destination))
        found[rest] = source | rule.source, destination | rule.destination
    return tuple(replace(rest, source=source, destination=destination) for rest, (source, destination) in found.items())


class _Part(NamedTuple):
    """What a conversation makes a host let through, before services are looked at."""

    flow: Flow
    zone: str
    source: Addresses
    destination: Addresses
    partial: bool
    fixed: bool
    sent_to: Address | None = None


@dataclass
class _View:
    """What one host sees of conversations in one IP version."""

    model: Model
    host: Host
    version: int

    def __post_init__(self) -> None:
        self._own = own(self.host, self.version)
        self._untrusted = self.model.fleet.untrusted.name
        self._found: dict[tuple[int, str], Addresses] = {}

    def ends(self, talk: Conversation) -> tuple[Addresses, Addresses]:
        """Return the addresses of sources and destinations, before any translation."""
        return (
            self._addresses(talk.sources, talk.journey.start),
            self._addresses(talk.destinations, talk.journey.end),
        )

    def outgoing(self, talk: Conversation) -> list[_Part]:
        """Return what the host opens itself. A published service is reached at the public address, nowhere else."""
        source, destination = self.ends(talk)
        mine = [address for address in self._own if address in source]
        if not mine:
            return []
        if published(self.model, talk):
            destination = Addresses.of(self._offered_at(talk))
        return self._parts(talk, talk.journey.start, Addresses.of(mine), destination.without(self._own))

    def incoming(self, talk: Conversation) -> list[_Part]:
        """Return what is opened to the host. What left the fleet carries the last firewall's address."""
        source, destination = self.ends(talk)
        mine = [address for address in self._own if address in destination]
        if not mine:
            return []
        zone = talk.journey.start
        if translated(self.model, talk) and talk.journey.hops[-1].host != self.host.name:
            last = self.model.fleet.hosts[talk.journey.hops[-1].host]
            source, zone = Addresses.of(own(last, self.version, self._untrusted)[:1]), self._untrusted
        return self._parts(talk, zone, source.without(self._own), Addresses.of(mine))

    def crossing(self, talk: Conversation) -> list[_Part]:
        """Return what the host forwards. Where it also translates, packets were sent to the public address."""
        source, destination = self.ends(talk)
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

    def _addresses(self, endpoints: tuple[Endpoint, ...], zone: str) -> Addresses:
        # The ends of a flow are the same objects in all its conversations, which outlive the view.
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
        if not source or not destination:
            return []
        firewalls = any(
            end.kind == "host" and self.model.fleet.hosts[end.name].firewall
            for end in (*talk.sources, *talk.destinations)
        )
        partial = len(talk.sources) < len(talk.flow.sources)
        return [_Part(talk.flow, zone, source, destination, partial, not firewalls, sent_to)]


def _rules(parts: Iterable[_Part]) -> tuple[Rule, ...]:
    """Return the rules of the parts, in the order of the policy."""
    by_flow: dict[str, list[_Part]] = {}
    for part in parts:
        by_flow.setdefault(part.flow.id, []).append(part)
    found: list[Rule] = []
    for flow, of_flow in by_flow.items():
        services = _services(of_flow[0].flow)
        for part in _merged(of_flow):
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
                    part.fixed,
                    part.sent_to,
                )
                for ports in (_one_by_one(services) if single else services)
            ]
    return tuple(found)


def _merged(parts: Iterable[_Part]) -> list[_Part]:
    """Return the parts of a flow in fewer: those with one source are joined, then those with one destination.

    What lies outside is not joined with zones, for one match cannot say both.
    """
    nowhere = {False: Addresses(()), True: Addresses((), outside=True)}
    return _joined(
        _joined(
            parts,
            lambda part: part._replace(destination=nowhere[part.destination.outside]),
            lambda part, other: part._replace(destination=part.destination | other.destination),
        ),
        lambda part: part._replace(source=nowhere[part.source.outside]),
        lambda part, other: part._replace(source=part.source | other.source),
    )


def _joined(
    parts: Iterable[_Part], rest: Callable[[_Part], _Part], join: Callable[[_Part, _Part], _Part]
) -> list[_Part]:
    """Join the parts that are the same in the rest."""
    found: dict[tuple[object, ...], _Part] = {}
    for part in parts:
        key = rest(part)[1:]
        found[key] = join(found[key], part) if key in found else part
    return list(found.values())


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
