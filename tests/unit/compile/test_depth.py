"""However many flows there are and whatever their shape, a packet that opens a connection meets few rules.

What is counted: every rule of the filter table whose match is tried on the way through built-in and own chains (jumps,
tests of the tree, loopback and state rules, the log rule and the last one), on every host and firewall, for the worst
packet there is. The nat table, which such a packet goes through as well, is counted by itself.
"""

from collections.abc import Callable
from random import Random

import pytest

from network.compile.iptables import compile_host
from network.compile.table import VISITED
from tests.unit.compile.fleets import Builder
from tests.unit.compile.test_rules_mean_the_policy import check
from tests.unit.compile.walker import Ruleset, Sets

pytestmark = pytest.mark.thorough

FLOWS = 1000
Shape = Callable[[Builder, int, Random], None]
HOOKS = (("filter", "INPUT"), ("filter", "FORWARD"), ("filter", "OUTPUT"), ("nat", "PREROUTING"))


def same_destination_many_ports(builder: Builder, flows: int, _: Random) -> None:
    builder.host("a", {2: 10})
    builder.host("b", {3: 10})
    for number in range(flows):
        builder.flow(("a",), ("b",), ("tcp", 1000 + 2 * number, 1000 + 2 * number))


def same_port_many_destinations(builder: Builder, flows: int, _: Random) -> None:
    builder.host("a", {2: 10})
    for number in range(flows):
        builder.flow(("a",), (builder.host(f"b{number}", {3: 10 + 3 * number}),), ("tcp", 443, 443))


def many_sources(builder: Builder, flows: int, _: Random) -> None:
    builder.host("b", {3: 10})
    for number in range(flows):
        builder.flow((builder.host(f"a{number}", {2: 10 + 3 * number}),), ("b",), ("tcp", 443, 443))


def many_publics(builder: Builder, flows: int, _: Random) -> None:
    for number in range(flows):
        name = f"b{number % 20}"
        if name not in builder.hosts:
            builder.host(name, {1 + number % 3: 10 + number})
        builder.flow(("z0",), (name,), ("tcp", 2000 + number, 2000 + number), publish="edge")


def many_externals(builder: Builder, flows: int, random: Random) -> None:
    builder.host("a", {2: 10})
    for number in range(flows):
        name = builder.external(f"x{number}", f"203.{random.randrange(256)}.{number % 256}.{number // 256}/32")
        builder.flow(("a",) if number % 2 else ("z2",), (name,), ("tcp", 443 + number % 3, 443 + number % 3))


def overlapping_groups(builder: Builder, flows: int, random: Random) -> None:
    """Set up what is worst for cuts: any group to any group, and every host in several."""
    names = [builder.host(f"h{number}", {1 + number % 5: 10 + number}) for number in range(80)]
    groups = [f"g{number}" for number in range(40)]
    for group in groups:
        builder.groups[group] = tuple(random.sample(names, random.randint(2, 12)))
    for _ in range(flows):
        port = 7000 + random.randrange(50)
        builder.flow((random.choice(groups),), (random.choice(groups),), ("tcp", port, port))


def overlapping_groups_one_port(builder: Builder, flows: int, random: Random) -> None:
    """Set up the same where the port tells nothing."""
    names = [builder.host(f"h{number}", {2 + number % 2: 10 + number}) for number in range(60)]
    for number in range(flows):
        builder.groups[f"s{number}"] = tuple(random.sample(names, 6))
        builder.groups[f"d{number}"] = tuple(random.sample(names, 6))
        builder.flow((f"s{number}",), (f"d{number}",), ("tcp", 443, 443))


def twenty_zones(builder: Builder, flows: int, random: Random) -> None:
    names = [builder.host(f"h{number}", {1 + number % 19: 10 + number}) for number in range(95)]
    for _ in range(flows):
        port = random.randint(1, 60000)
        builder.flow(
            tuple(random.sample(names, 2)), tuple(random.sample(names, 2)), (random.choice(("tcp", "udp")), port, port)
        )


def zones_all_to_all(builder: Builder, flows: int, _: Random) -> None:
    """Set up what no zone tells apart."""
    builder.groups["fleet"] = tuple(builder.host(f"h{n}", {1 + n % 9: 10 + n}) for n in range(12))
    for number in range(flows):
        builder.flow(("fleet",), ("fleet",), ("tcp", 1000 + 2 * number, 1000 + 2 * number))


def one_zone_has_nearly_all(builder: Builder, flows: int, random: Random) -> None:
    for zone in range(1, 20):
        builder.host(f"h{zone}", {zone: 10})
        builder.host(f"k{zone}", {zone: 11})
    for number in range(flows):
        zone = 5 if number > 60 else 1 + number % 19
        there = 1 + random.randrange(19)
        builder.flow((f"h{zone}",), (f"k{there}",), ("tcp", number + 1000, number + 1000))


def overlapping_ranges(builder: Builder, flows: int, random: Random) -> None:
    names = [builder.host(f"h{number}", {2 + number % 2: 10 + number}) for number in range(40)]
    for _ in range(flows):
        low = random.randint(1, 50000)
        builder.flow((random.choice(names),), (random.choice(names),), ("tcp", low, low + random.randint(0, 10000)))


def all_in_one_host(builder: Builder, flows: int, random: Random) -> None:
    """Set up everything at once at one host: zones, groups, externals, several services, both protocols."""
    names = [builder.host(f"h{number}", {1 + number % 3: 10 + number}) for number in range(30)]
    for number in range(60):
        builder.groups[f"g{number}"] = tuple(random.sample(names, 5))
    builder.external("x", "203.0.113.0/28")
    ends = [*names, *builder.groups, "x", "z0", "z1", "z2", "z3"]
    for _ in range(flows):
        port = random.randint(1, 60000)
        services = (("tcp", port, port + random.choice((0, 0, 0, 5))), ("tcp", port // 2, port // 2))
        builder.flow((random.choice(ends),), ("h7",), *services[: random.choice((1, 1, 2))])


# The number of zones, and the hosts at which the flows meet.
SHAPES: dict[Shape, tuple[int, tuple[str, ...]]] = {
    same_destination_many_ports: (5, ("core1", "b")),
    same_port_many_destinations: (5, ("a",)),
    many_sources: (5, ("b",)),
    many_publics: (5, ("edge1",)),
    many_externals: (5, ("core1",)),
    overlapping_groups: (7, ("core1", "h0")),
    overlapping_groups_one_port: (5, ("core1",)),
    twenty_zones: (20, ("core1",)),
    zones_all_to_all: (10, ("core1",)),
    one_zone_has_nearly_all: (20, ("core1",)),
    overlapping_ranges: (5, ("core1",)),
    all_in_one_host: (5, ("core1", "h7")),
}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_depth_of_a_thousand_flows(shape: Shape, record_property: Callable[[str, object], None]) -> None:
    """In both families, of which IPv6 leaves less room."""
    builder = Builder(SHAPES[shape][0], dual=True)
    shape(builder, FLOWS, Random(1))  # noqa: S311 the same each time
    model = builder.model()
    worst = 0
    for host in SHAPES[shape][1]:
        firewall = compile_host(model, host)
        sets = Sets.parse(firewall.sets)
        for text in (firewall.v4, firewall.v6):
            rules = Ruleset(text, sets)
            worst = max(worst, *(rules.depth(table, chain) for table, chain in HOOKS))
    record_property("worst", worst)
    assert worst <= VISITED


@pytest.mark.parametrize(
    ("shape", "flows"),
    [(overlapping_groups, 250), (twenty_zones, 250), (zones_all_to_all, 600), (many_publics, 250)],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_deep_trees_mean_the_policy(shape: Shape, flows: int) -> None:
    builder = Builder(SHAPES[shape][0])
    random = Random(2)  # noqa: S311 the same each time
    shape(builder, flows, random)
    assert check(builder.model(), random, 300, ("core1",)) > 50
