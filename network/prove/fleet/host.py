"""What one host's kernel takes in, sends on and sends out by itself, apart from its rules."""

from collections.abc import Mapping
from functools import cached_property

from network.errors import Problem
from network.prove.engine.intervals import Intervals, difference, intersect, union
from network.prove.fleet.routes import Kind, RoutingTable, Way
from network.prove.fleet.snapshot import IncompleteError, Interface, Snapshot
from network.prove.semantics.meaning import LIMITED_BROADCAST, LINK_LOCAL, MULTICAST, NO_ADDRESS
from network.prove.semantics.surroundings import Interfaces, Surroundings
from network.prove.syntax.addresses import WIDTH, print_address
from network.prove.syntax.types import Continue, Unknown

LOOPBACK: Mapping[int, Intervals] = {4: ((0x7F << 24, (0x80 << 24) - 1),), 6: ((1, 1),)}
"""127.0.0.0/8 and ::1."""

BENDING = frozenset({"TPROXY", "CLUSTERIP", "DNPT", "SNPT", "NETMAP", "SYNPROXY", "MIRROR", "TEE"})
"""Targets that change where a packet goes in a way that is not modelled."""


class Host:
    """A host in one family. Raises IncompleteError where it does what the model cannot express."""

    def __init__(self, snapshot: Snapshot, family: int) -> None:
        self.snapshot = snapshot
        self.family = family
        self.name = snapshot.host
        self.routes = RoutingTable(snapshot.routes[family], family)
        self.interfaces = Interfaces(tuple(interface.name for interface in snapshot.interfaces))
        self._sent_on: dict[str, Mapping[Way, Intervals]] = {}
        self._by_name = {interface.name: interface for interface in snapshot.interfaces}
        gaps = [*self._bending_rules(), *self._ambiguous_routes()]
        if gaps:
            raise IncompleteError(*gaps)

    def _bending_rules(self) -> list[Problem]:
        problems: list[Problem] = []
        ruleset = self.snapshot.rules[self.family]
        for table in ruleset.tables.values():
            for rule in (rule for chain in table.chains.values() for rule in chain.rules):
                action = rule.action
                if isinstance(action, Unknown | Continue) and (
                    action.target in BENDING or (isinstance(action, Unknown) and table.name == "nat")
                ):
                    problems.append(
                        Problem(
                            f"{self.snapshot.where}:{rule.line}",
                            f"target {action.target} in table {table.name}: {rule.text}",
                            "a rule may accept, refuse or translate a packet; what this target does is not modelled",
                            "remove the rule, if this host is to be proved",
                        )
                    )
        return problems

    def _ambiguous_routes(self) -> list[Problem]:
        return [
            Problem(
                self.snapshot.where,
                f"the route to {print_address(inner.first, self.family)} by {inner.interface} lies in a local route "
                f"to {print_address(outer.first, self.family)}",
                "no other route may lie inside a local one: which of them counts depends on the kernel's history",
                "remove one of the two routes",
            )
            for outer, inner in self.routes.ambiguous()
        ]

    # Facts.

    @cached_property
    def ways(self) -> Mapping[Way, Intervals]:
        """Where destinations lead."""
        return self.routes.ways()

    def _of_kind(self, kind: Kind) -> Intervals:
        return union(interval for way, where in self.ways.items() if way.kind is kind for interval in where)

    @cached_property
    def local(self) -> Intervals:
        """The addresses that the host takes for its own."""
        return self._of_kind(Kind.LOCAL)

    @cached_property
    def own(self) -> Intervals:
        """Its own addresses without loopback."""
        return difference(self.local, LOOPBACK[self.family])

    @cached_property
    def _strict(self) -> Mapping[int, Intervals]:
        """The sources that each interface leads back to. IPv6 asks for each interface by itself, IPv4 does not."""
        found: dict[int, Intervals] = {}
        for number, name in enumerate(self.interfaces.names, 1):
            ways = self.routes.ways(name) if self.family == 6 else self.ways
            found[number] = union(
                interval
                for way, where in ways.items()
                if way.kind is Kind.OUT and way.interface == name
                for interval in where
            )
        return found

    @cached_property
    def surroundings(self) -> Surroundings:
        """The host as its rules see it."""
        return Surroundings(
            interfaces=self.interfaces,
            sets=self.snapshot.sets,
            local=self.local,
            broadcast=self._of_kind(Kind.BROADCAST),
            strict=self._strict,
            loose=self._of_kind(Kind.OUT),
            loopback=union((self.interfaces.number(i.name),) * 2 for i in self.snapshot.interfaces if i.loopback),
        )

    @property
    def links(self) -> tuple[Interface, ...]:
        """Its interfaces other than loopback that are up."""
        return tuple(i for i in self.snapshot.interfaces if i.up and not i.loopback)

    def addresses_on(self, interface: str) -> tuple[int, ...]:
        """Give the addresses of an interface, those of global scope first."""
        found = [address for address in self._by_name[interface].addresses if address.family == self.family]
        return tuple(address.address for address in sorted(found, key=lambda address: not address.wide))

    # Kernel settings.

    def _conf(self, interface: str, name: str) -> tuple[int, int]:
        version = f"ipv{self.family}"
        setting = self.snapshot.setting
        return setting(f"{version}/conf/all/{name}"), setting(f"{version}/conf/{interface}/{name}")

    def forwards(self, interface: str) -> bool:
        """Tell whether packets that come by an interface may be sent on."""
        if self.family == 6:
            switched = self.snapshot.setting("ipv6/conf/all/forwarding") or any(
                self._conf(interface, "force_forwarding")
            )
            return bool(switched)
        return bool(self.snapshot.setting(f"ipv4/conf/{interface}/forwarding"))

    def disabled(self, interface: str) -> bool:
        """Tell whether the family is switched off on an interface."""
        return self.family == 6 and bool(self.snapshot.setting(f"ipv6/conf/{interface}/disable_ipv6"))

    def strictness(self, interface: str) -> int:
        """Give how strictly the kernel checks IPv4 sources: 1 strict, 2 loose, 0 not (rp_filter, RFC 3704)."""
        return max(self._conf(interface, "rp_filter")) if self.family == 4 else 0

    def loopback_routed(self, interface: str) -> bool:
        """Tell whether loopback addresses may come by a wire (IPv4's route_localnet)."""
        return self.family == 4 and any(self._conf(interface, "route_localnet"))

    # What the kernel itself refuses.

    def sources(self, interface: str) -> tuple[Intervals, Intervals]:
        """Give the sources that the kernel surely and perhaps accepts by an interface, whatever the rules say.

        IPv4: fib_validate_source with rp_filter as the greater of ``all`` and the interface's; IPv6 has no such check.
        """
        everything: Intervals = ((0, (1 << WIDTH[self.family]) - 1),)
        bad = union((*MULTICAST[self.family], *LOOPBACK[self.family]))
        if self.family == 6:
            found = difference(everything, bad)
            return difference(found, ((0, 0),)), found
        if self.loopback_routed(interface):
            bad = MULTICAST[4]
        bad = union((*bad, *NO_ADDRESS, (LIMITED_BROADCAST, LIMITED_BROADCAST)))
        strictness = self.strictness(interface)
        if strictness == 1:
            allowed = self._strict[self.interfaces.number(interface)]
        else:
            allowed = self._of_kind(Kind.OUT) if strictness == 2 else everything
        lower = difference(difference(allowed, bad), union((*self.local, *self._of_kind(Kind.BROADCAST))))
        if not any(self._conf(interface, "accept_local")):
            return lower, difference(difference(allowed, bad), self.local)
        return lower, difference(union((*allowed, *self.local)), bad)

    def taken_in(self, interface: str) -> tuple[Intervals, Intervals]:
        """Give the destinations that surely and perhaps are taken in when they come by an interface.

        Its own addresses surely; broadcasts and groups perhaps, for who listens there is not known.
        """
        own = self.local if self.loopback_routed(interface) else self.own
        groups = (*MULTICAST[self.family], *self._of_kind(Kind.BROADCAST), *self._of_kind(Kind.MULTICAST))
        if self.family == 4:
            groups = (*groups, (LIMITED_BROADCAST, LIMITED_BROADCAST))
        listened = difference(union(groups), LOOPBACK[self.family])
        return difference(own, listened), union((*own, *listened))

    def sent_on(self, interface: str) -> Mapping[Way, Intervals]:
        """Give where packets that come by an interface are sent on to, if the rules let them: destinations by way out.

        Linux sends those with an IPv6 address of the link back onto the link that they came by, if forwarding is on.
        """
        if not self.forwards(interface):
            return {}
        if interface not in self._sent_on:
            never = union((*MULTICAST[self.family], *LOOPBACK[self.family]))
            if self.family == 6:
                never = union((*never, *LINK_LOCAL))
            else:
                never = union((*never, *NO_ADDRESS, (LIMITED_BROADCAST, LIMITED_BROADCAST)))
            found = {way: difference(where, never) for way, where in self.ways.items() if way.kind is Kind.OUT}
            for way, where in self.routes.ways(interface).items() if self.family == 6 else ():
                if way.kind is Kind.OUT and way.interface == interface:
                    found[way] = union((*found.get(way, ()), *intersect(where, LINK_LOCAL)))
            self._sent_on[interface] = {way: where for way, where in found.items() if where}
        return self._sent_on[interface]

    def arriving(self) -> Intervals:
        """Give the destinations that packets from a wire may have at all: not IPv6's loopback (RFC 4291, 2.5.3)."""
        everything: Intervals = ((0, (1 << WIDTH[self.family]) - 1),)
        return difference(everything, LOOPBACK[6]) if self.family == 6 else everything

    def unforwardable_sources(self, interface: str, way: Way) -> tuple[Intervals, Intervals]:
        """Give the sources that perhaps and surely are not sent on (IPv6: none, and those of the link).

        Linux does not look at the source where the way out is the way in (ip6_forward, which thinks of a redirect).
        """
        refused = union(((0, 0), *LINK_LOCAL)) if self.family == 6 else ()
        return refused, refused if way.interface != interface else ()

    def segments(self, interface: str) -> Intervals:
        """Give the networks on an interface, as addresses."""
        width = WIDTH[self.family]
        found = []
        for address in self._by_name[interface].addresses:
            if address.family == self.family:
                host = (1 << (width - address.length)) - 1
                found.append((address.address & ~host, address.address | host))
        return union(found)
