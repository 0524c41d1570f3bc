"""Fleets and policies made up for tests: valid by construction, as reading would return them."""

from dataclasses import dataclass, field
from datetime import date
from ipaddress import ip_address, ip_network
from random import Random

from network.model import Address, Endpoint, External, Fleet, Flow, Host, Leg, Model, Network, Service, Zone

MANY = 60000
"""Ports of services are below it."""


@dataclass
class Builder:
    """Collects zones, hosts and flows. Zone 0 is the outside, zone 1 the DMZ, the last one the management zone.

    The edge joins 0 and 1, the core joins 1 and all others. Zone n has 10.n.0.0/16, and fd00:n::/32 if `dual`. The edge
    has `publics` addresses outside.
    """

    zones: int
    dual: bool = False
    publics: int = 1
    hosts: dict[str, Host] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    externals: dict[str, External] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.zones < 4:
            raise ValueError("outside, DMZ, management, and one more")
        edge = self.host("edge1", {0: 2, 1: 2})
        more = tuple(
            Leg("z0", network[3 + number], network)
            for number in range(self.publics - 1)
            for network in self.networks(0)
        )
        self.hosts[edge] = Host(edge, (*self.hosts[edge].legs, *more), frozenset())
        self.host("core1", dict.fromkeys(range(1, self.zones), 3))
        self.groups["edge"] = ("edge1",)

    def networks(self, zone: int) -> tuple[Network, ...]:
        four = ip_network(f"10.{zone}.0.0/16" if zone else "198.18.0.0/16")
        return (four, ip_network(f"fd00:{zone:x}::/32" if zone else "2001:db8::/32")) if self.dual else (four,)

    def host(self, name: str, places: dict[int, int]) -> str:
        """Add a host: zone and number in it."""
        legs = tuple(
            Leg(f"z{zone}", network[number], network)
            for zone, number in places.items()
            for network in self.networks(zone)
        )
        self.hosts[name] = Host(name, legs, frozenset())
        return name

    def external(self, name: str, *networks: str) -> str:
        self.externals[name] = External(name, "", tuple(ip_network(each) for each in networks), {})
        return name

    def ends(self, name: str) -> tuple[Endpoint, ...]:
        if name in self.groups:
            return tuple(Endpoint("host", host) for host in self.groups[name])
        if name in self.hosts:
            return (Endpoint("host", name),)
        return (Endpoint("external" if name in self.externals else "zone", name),)

    def flow(
        self,
        sources: tuple[str, ...],
        destinations: tuple[str, ...],
        *services: tuple[str, int, int],
        publish: str | None = None,
    ) -> None:
        """Add a flow between groups, hosts, externals and zones."""
        number = len(self.flows)
        self.flows.append(
            Flow(
                f"flow-{number}",
                sources,
                destinations,
                tuple(dict.fromkeys(end for name in sources for end in self.ends(name))),
                tuple(dict.fromkeys(end for name in destinations for end in self.ends(name))),
                tuple(Service(f"{protocol}-{first}", protocol, first, last) for protocol, first, last in services),
                publish,
                None,
                "",
                "",
                date(2027, 1, 1),
                f"policy.yml:{number}",
            )
        )

    def model(self) -> Model:
        trust = {0: "untrusted", 1: "public", self.zones - 1: "management"}
        zones = {
            f"z{number}": Zone(
                f"z{number}",
                trust.get(number, "private"),
                "",
                self.networks(number),
                tuple(network[1] for network in self.networks(number)) if not number else (),
            )
            for number in range(self.zones)
        }
        fleet = Fleet("test", "example.test", (), zones, self.hosts, self.groups, self.externals)
        return Model(fleet, {}, tuple(self.flows))


def addresses_of_interest(model: Model, version: int) -> list[Address]:
    """Return every address that something is said of, the ones beside those, and a few of which nothing is said."""
    found: dict[Address, None] = {}
    known = [leg.address for host in model.fleet.hosts.values() for leg in host.legs]
    for network in (
        *(network for zone in model.fleet.zones.values() for network in zone.networks),
        *(network for external in model.fleet.externals.values() for network in external.networks),
    ):
        known += [network[0], network[-1]]
    for address in known:
        if address.version == version:
            for number in (int(address), int(address) + 1, int(address) - 1):
                if 0 <= number < 1 << address.max_prefixlen:
                    found[type(address)(number)] = None
    for text in ("8.8.8.8", "0.0.0.0", "255.255.255.255", "127.0.0.1", "::", "::1", "fe80::1", "2a00::1"):  # noqa: S104 addresses of packets
        if ip_address(text).version == version:
            found[ip_address(text)] = None
    return list(found)


def services_of_interest(model: Model) -> list[tuple[str, int]]:
    """Return the ports at and beside the ends of each service, with either protocol."""
    ports = {0, 65535}
    for flow in model.flows:
        for service in flow.services:
            ports |= {service.first - 1, service.first, service.last, service.last + 1}
    return [(protocol, port) for protocol in ("tcp", "udp") for port in sorted(ports) if 0 <= port <= 65535]


def random_model(random: Random, *, flows: int, hosts: int, zones: int, dual: bool = False) -> Model:
    """Return a fleet and a policy with something of everything, such as groups that overlap and published flows."""
    builder = Builder(zones, dual, publics=random.choice((1, 1, 2)))
    names = [builder.host(f"h{number}", {random.randrange(zones): 10 + number}) for number in range(hosts)]
    for number in range(max(1, hosts // 4)):
        builder.groups[f"g{number}"] = tuple(random.sample(names, random.randint(0, min(8, hosts))))
    builder.groups["firewalls"] = ("edge1", "core1")
    far = ["203.0.113.7/32", "192.0.2.0/28"] + (["2a00:1::/64"] if dual else [])
    builder.external("one", far[0])
    builder.external("some", *far)
    builder.external("empty")
    inner = [name for name in names if builder.hosts[name].zones != ("z0",)]
    ends = [*names, *builder.groups, *builder.externals, *(f"z{number}" for number in range(zones))]
    taken: set[int] = set()
    for number in range(flows):
        span = _span(random)
        if random.random() < 0.15 and inner and span[1] not in taken:
            taken.add(span[1])
            source = random.choice(["z0", "one", "some"])
            builder.flow((source,), (random.choice(inner),), (span[0], span[1], span[1]), publish="edge")
            continue
        services = tuple(_span(random) for _ in range(random.choice((1, 1, 1, 2, 3, 9 if number % 7 == 0 else 2))))
        sources = tuple(random.sample(ends, random.choice((1, 1, 2))))
        destinations = tuple(random.sample(ends, random.choice((1, 1, 2))))
        builder.flow(sources, destinations, *services)
    return builder.model()


def _span(random: Random) -> tuple[str, int, int]:
    first = random.choice((22, 80, 443, 5432, random.randint(0, MANY)))
    last = first if random.random() < 0.8 else min(65535, first + random.choice((1, 5, 1000)))
    return ("udp" if random.random() < 0.2 else "tcp"), first, last
