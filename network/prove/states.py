"""What each host does with packets that open no connection, with forged ones, with its own, and with IPv6."""

from collections.abc import Iterator

from network.model import Endpoint, Host
from network.path import NoPathError, journey
from network.prove.cause import NO_LOOPBACK
from network.prove.claim import Gap, Kind, Obligation, Start, real
from network.prove.engine.diagram import EMPTY, FULL, Node
from network.prove.engine.intervals import Interval, Intervals, difference, intersect, union
from network.prove.fleet.host import LOOPBACK
from network.prove.fleet.machine import Machine
from network.prove.fleet.routes import Kind as RouteKind
from network.prove.fleet.routes import Way
from network.prove.fleet.walk import Fleet
from network.prove.policy import Policy
from network.prove.semantics.layout import Field, State, one
from network.prove.semantics.meaning import LIMITED_BROADCAST, LINK_LOCAL
from network.prove.syntax.numbers import ICMP, ICMPV6
from network.prove.world import legitimate, may_exist, outside, own, spans

ERRORS: dict[int, Intervals] = {
    4: union((kind * 256, kind * 256 + 255) for kind in (3, 11, 12)),
    6: union((kind * 256, kind * 256 + 255) for kind in (1, 2, 3, 4)),
}
"""ICMP errors by type and code: unreachable, too big, time exceeded, parameter problem (RFC 792, RFC 4443)."""

NEIGHBOURS: Intervals = union((kind * 256, kind * 256 + 255) for kind in (133, 134, 135, 136, 137))
"""Neighbour discovery (RFC 4861)."""

LOOPBACK_BROADCAST: Intervals = one(0x7FFFFFFF)
"""127.255.255.255, which no program talks to, whatever the routes call it."""

SOLICITATIONS: Intervals = ((135 * 256, 135 * 256), (136 * 256, 136 * 256))


class States:
    """The claims about single hosts that no flow changes, in one family."""

    def __init__(self, fleet: Fleet, policy: Policy) -> None:
        self.fleet = fleet
        self.policy = policy
        self.family = fleet.family
        self.diagrams = fleet.space.diagrams
        self.icmp = one(ICMP if self.family == 4 else ICMPV6)

    def prove(self) -> Iterator[Obligation]:
        """Give the obligations about established, related, invalid, untracked and spoofed packets, and the rest."""
        for name, machine in self.fleet.machines.items():
            speaks = bool(own(self.policy.model.fleet.hosts[name], self.family))
            if speaks:
                yield self._claim("established", name, self._established(name, machine))
                yield self._claim("return-path", name, self._return_path(name, machine))
                yield self._claim("routes", name, self._routes(name, machine))
            elif self.family == 6:
                yield self._claim("ipv6", name, self._silent(machine))
            yield self._claim("related", name, self._related(machine, speaks))
            yield self._claim("invalid", name, self._only(machine, State.INVALID, EMPTY))
            yield self._claim("untracked", name, self._only(machine, State.UNTRACKED, self._discovery()))
            yield self._claim("spoofed", name, self._spoofed(name, machine))
            yield self._claim("loopback", name, self._loopback(machine))
            yield self._claim("settings", name, self._settings(name, machine))
            if speaks and self.family == 6:
                yield self._claim("neighbour-discovery", name, self._neighbours(machine))

    def _claim(self, name: str, subject: str, gaps: Iterator[Gap]) -> Obligation:
        return Obligation(name, self.family, subject, real(gaps))

    def _gap(self, kind: Kind, state: State, start: Start, packets: Node, note: str = "") -> Gap:
        return Gap(kind, self.family, state, start, packets, note)

    def _stopped(self, machine: Machine, state: State, hook: tuple[str, str, str], wanted: Node) -> Gap:
        """Give what of some packets does not surely pass a hook."""
        chain, iif, oif = hook
        passed = machine.hook(chain, state, iif, oif)
        if oif:
            passed = self.fleet.algebra.both(passed, machine.hook("POSTROUTING", state, iif, oif))
        stopped = self.diagrams.difference(wanted, passed.lower)
        return Gap("missing", self.family, state, Start(machine.host.name, iif), stopped, hook=hook)

    def _passing(self, machine: Machine, state: State) -> Iterator[tuple[Start, Node]]:
        """Give what may pass a host in a state, in, through and out."""
        name = machine.host.name
        for link in machine.host.links:
            for passage in machine.arrivals(link.name, state):
                yield Start(name, link.name), passage.packets.upper
        for passage in machine.departures(state):
            yield Start(name), passage.packets.upper

    def _only(self, machine: Machine, state: State, allowed: Node) -> Iterator[Gap]:
        for start, packets in self._passing(machine, state):
            yield self._gap("extra", state, start, self.diagrams.difference(packets, allowed))

    def _hooks(self, machine: Machine) -> Iterator[tuple[str, str, str]]:
        """Give the hooks that a host's packets pass: chain and interfaces."""
        names = [link.name for link in machine.host.links]
        for one_link in names:
            yield "INPUT", one_link, ""
            yield "OUTPUT", "", one_link
            if machine.host.forwards(one_link) and self.policy.model.fleet.hosts[machine.host.name].firewall:
                yield from (("FORWARD", one_link, other) for other in names if other != one_link)

    # Connections.

    def _established(self, name: str, machine: Machine) -> Iterator[Gap]:
        for hook in self._hooks(machine):
            yield self._stopped(machine, State.ESTABLISHED, hook, FULL)
        for link in machine.host.links:
            zone = self.fleet.segment(name, link.name)
            peers = self._peers(name, zone)
            conceivable = machine.conceivable[State.ESTABLISHED].lower
            packets = self.diagrams.box({Field.SRC: peers, Field.DST: machine.host.arriving()})
            expected = self.diagrams.intersect(packets, conceivable)
            stopped = self.diagrams.difference(expected, machine.admitted(link.name, State.ESTABLISHED).lower)
            yield self._gap("missing", State.ESTABLISHED, Start(name, link.name), stopped, f"PREROUTING {link.name}")

    def _peers(self, name: str, zone: str) -> Intervals:
        """Give whose packets a host must take from a segment once a flow's connection is there: callers and called."""
        found: list[Interval] = []
        for travel, number in self.policy.taken_by.get(name, ()):
            if travel.forms[number].zone == zone:
                found += travel.forms[number].sources
        for travel, number in self.policy.given_by.get(name, ()):
            if travel.forms[number].zone == zone:
                found += travel.forms[number].destinations
        own_addresses = own(self._host(name), self.family)
        return difference(intersect(union(found), may_exist(self.policy.model, self.family)), own_addresses)

    def _return_path(self, name: str, machine: Machine) -> Iterator[Gap]:
        """Show that an answer to everybody whose packets a flow brings here leaves to where they came from."""
        for zone, previous, peers in self._callers(name):
            back = union(
                interval
                for way, where in machine.host.ways.items()
                if way.kind is RouteKind.OUT and self.fleet.segment(name, way.interface) == zone
                for interval in self._led(name, way, where, previous)
            )
            lost = difference(peers, back)
            answer = self.diagrams.box({Field.DST: lost, Field.SRC: own(self._host(name), self.family)})
            note = f"the answer should leave into {zone}" + (f", to {previous}" if previous else "")
            yield self._gap("missing", State.ESTABLISHED, Start(name), answer if lost else EMPTY, note)

    def _callers(self, name: str) -> Iterator[tuple[str, str, Intervals]]:
        """Give who calls a host, or through it: on which segment, handed on by which firewall, from which addresses."""
        exist = may_exist(self.policy.model, self.family)
        callers: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for travel, number in self.policy.taken_by.get(name, ()):
            form, previous = travel.forms[number], travel.takers(number - 1)[0] if number else ""
            callers.setdefault((form.zone, previous), []).extend(form.sources)
        mine = own(self._host(name), self.family)
        for (zone, previous), sources in callers.items():
            peers = difference(intersect(union(sources), exist), mine)
            yield zone, previous, peers if previous else difference(peers, self._firewalls_behind(zone, peers))

    def _firewalls_behind(self, zone: str, peers: Intervals) -> Intervals:
        """Give firewalls' addresses in other zones: nobody on this segment has them."""
        hosts = [self._host(host) for host in self.fleet.machines]
        others = [interval for h in hosts for leg in h.zones if leg != zone for interval in own(h, self.family, leg)]
        return intersect(peers, union(others))

    def _led(self, name: str, way: Way, where: Intervals, router: str) -> Intervals:
        """Give which destinations of a route it hands to a host of the fleet; or, without one, to whom they are for.

        That is the destination itself on its segment, or for the world outside the untrusted zone's gateway.
        """
        if router or way.gateway is not None:
            port = self.fleet.next_port(name, way.interface, way.gateway, 0) if way.gateway is not None else None
            if port is not None:
                return where if port.host == router else ()
            gateways = {int(each) for each in self.policy.model.fleet.untrusted.gateways}
            return where if not router and way.gateway in gateways else ()
        zone = self.policy.model.fleet.zones.get(self.fleet.segment(name, way.interface))
        return intersect(where, spans(self.policy.model, zone.networks, self.family)) if zone else ()

    def _routes(self, name: str, machine: Machine) -> Iterator[Gap]:
        """Compare the routes to each zone with the ways of the policy. To the world outside there need not be one."""
        model = self.policy.model
        for zone in model.fleet.zones.values():
            try:
                way = journey(model, Endpoint("host", name), Endpoint("zone", zone.name))
            except NoPathError:
                continue
            if not own(self._host(name), self.family, way.start):
                continue
            wanted = outside(model, self.family) if zone.untrusted else spans(model, zone.networks, self.family)
            wanted = difference(intersect(wanted, may_exist(model, self.family)), own(self._host(name), self.family))
            router = way.hops[0].host if way.hops else ""
            right: list[Interval] = []
            for real_way, where in machine.host.ways.items():
                if real_way.kind is RouteKind.OUT and self.fleet.segment(name, real_way.interface) == way.start:
                    right += self._led(name, real_way, where, router)
                elif real_way.kind is RouteKind.NOWHERE and zone.untrusted:
                    right += where
            astray = difference(wanted, union(right))
            packets = self.diagrams.box({Field.SRC: own(self._host(name), self.family), Field.DST: astray})
            note = f"the route should lead into {way.start}" + (f", to {router}" if router else "")
            yield self._gap("missing", State.ESTABLISHED, Start(name), packets if astray else EMPTY, note)

    def _related(self, machine: Machine, speaks: bool) -> Iterator[Gap]:
        errors = self.diagrams.box({Field.PROTO: self.icmp, Field.DPORT: ERRORS[self.family]})
        yield from self._only(machine, State.RELATED, errors)
        if speaks:
            for hook in self._hooks(machine):
                yield self._stopped(machine, State.RELATED, hook, errors)

    def _discovery(self) -> Node:
        if self.family == 4:
            return EMPTY
        return self.diagrams.box({Field.PROTO: self.icmp, Field.DPORT: NEIGHBOURS, Field.HOPS: one(255)})

    # Sources.

    def _host(self, name: str) -> Host:
        return self.policy.model.fleet.hosts[name]

    def _legitimate(self, name: str, zone: str) -> Intervals:
        return legitimate(self.policy.model, self._host(name), zone, self.family)

    def _spoofed(self, name: str, machine: Machine) -> Iterator[Gap]:
        """Look for forged packets that pass. By an interface on no zone's segment, every packet is forged."""
        for link in machine.host.links:
            sources = self._legitimate(name, self.fleet.segment(name, link.name))
            if self.family == 6 and own(self._host(name), 6):
                sources = union((*sources, *LINK_LOCAL, (0, 0)))
            honest = self.diagrams.box({Field.SRC: sources})
            if self.family == 4:  # who has no address yet may call to all; what becomes of that is for ingress to say
                call = self.diagrams.box({Field.SRC: one(0), Field.DST: one(LIMITED_BROADCAST)})
                honest = self.diagrams.union(honest, call)
            forged = self.diagrams.complement(honest)
            start = Start(name, link.name)
            for state in State:
                for passage in machine.arrivals(link.name, state):
                    packets = self.diagrams.intersect(passage.packets.upper, forged)
                    yield self._gap("extra", state, start, packets)

    def _loopback(self, machine: Machine) -> Iterator[Gap]:
        name = machine.host.name
        mine = union((*machine.host.own, *LOOPBACK[self.family]))
        talk = self.diagrams.box({Field.SRC: mine, Field.DST: mine})
        for link in machine.host.snapshot.interfaces:
            if link.loopback and not machine.host.disabled(link.name):
                for hook in (("OUTPUT", "", link.name), ("INPUT", link.name, "")):
                    yield self._stopped(machine, State.NEW, hook, talk)
                first = LOOPBACK[self.family][0][0] + (1 if self.family == 4 else 0)
                called_to_all = intersect(machine.host.surroundings.broadcast or (), LOOPBACK_BROADCAST)
                lost = difference(LOOPBACK[self.family], union((*machine.host.local, *called_to_all)))
                packets = self.diagrams.box({Field.SRC: one(first), Field.DST: lost})
                on = f"{link.name} speaks IPv6 (net.ipv6.conf.{link.name}.disable_ipv6 is 0), but "
                note = (on if self.family == 6 else "") + NO_LOOPBACK
                yield self._gap("missing", State.NEW, Start(name), packets, note)
        outside = self.diagrams.box({Field.DST: LOOPBACK[self.family]})
        for link in machine.host.links:
            for passage in machine.arrivals(link.name):
                packets = self.diagrams.intersect(passage.packets.upper, outside)
                yield self._gap("extra", State.NEW, Start(name, link.name), packets)

    # Kernel settings that the model takes for granted.

    def _settings(self, name: str, machine: Machine) -> Iterator[Gap]:
        must: dict[str, int] = {"mc_forwarding": 0, "accept_source_route": 0}
        if self.family == 4:
            must |= {"bc_forwarding": 0, "rp_filter": 1, "accept_local": 0, "route_localnet": 0}
        if not self._host(name).firewall:
            must["forwarding"] = 0
        for setting, value in must.items():
            for scope in ("all", *(link.name for link in machine.host.links)):
                if setting == "forwarding" and self.family == 4 and scope == "all":
                    continue  # it only hands its value on to the interfaces
                path = f"ipv{self.family}/conf/{scope}/{setting}"
                found = machine.host.snapshot.setting(path, value)
                fine = found <= 0 if setting == "accept_source_route" else found == value
                if setting == "rp_filter":  # the greater of both counts
                    fine = machine.host.strictness(scope) == value if scope != "all" else found <= value
                if not fine:
                    note = f"net.{path.replace('/', '.')} is {found}, not {value}"
                    yield self._gap("extra", State.NEW, Start(name), FULL, note)

    # IPv6.

    def _silent(self, machine: Machine) -> Iterator[Gap]:
        for state in State:
            yield from self._only(machine, state, EMPTY)

    def _neighbours(self, machine: Machine) -> Iterator[Gap]:
        wanted = self.diagrams.box({Field.PROTO: self.icmp, Field.DPORT: SOLICITATIONS, Field.HOPS: one(255)})
        for link in machine.host.links:
            for hook in (("INPUT", link.name, ""), ("OUTPUT", "", link.name)):
                yield self._stopped(machine, State.UNTRACKED, hook, wanted)
