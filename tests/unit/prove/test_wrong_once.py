"""What the proof once got wrong, each found by a cross-check and kept as a test."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from network.model import Model
from network.prove.fleet.hop import Outcome, Visit
from network.prove.fleet.host import Host
from network.prove.fleet.machine import Machine
from network.prove.fleet.snapshot import Snapshot, parse_snapshot
from network.prove.proof import fleets as read_fleets
from network.prove.proof import prove
from network.prove.semantics.chains import Semantics, Space, accepted
from network.prove.semantics.layout import Field, State, one
from network.prove.semantics.meaning import View
from network.prove.semantics.packet import Packet
from network.prove.semantics.surroundings import Surroundings, interfaces_named
from network.prove.syntax.addresses import parse_address
from network.prove.syntax.rules import parse_ruleset
from network.prove.syntax.text import print_ruleset
from tests.unit.compile.fleets import Builder
from tests.unit.prove import fleets as made
from tests.unit.prove.test_semantics import values_of
from tests.unit.prove.test_snapshot import lab


def router(forward: str) -> Snapshot:
    """Give core1 with a FORWARD chain of one rule, no anti-spoofing, and a default route."""
    text = made.answer(lab(), "core1").replace("/rp_filter:1", "/rp_filter:0")
    snapshot = parse_snapshot(text, "core1", "core1")
    rules = parse_ruleset(f"*filter\n:FORWARD DROP [0:0]\n{forward}\nCOMMIT\n", 4, "core1")
    return replace(snapshot, rules={4: rules, 6: parse_ruleset("", 6, "core1")})


def forwarded(snapshot: Snapshot, **fields: int) -> tuple[bool, bool]:
    """Tell whether a packet from the app zone may be sent on: by the sets, and by the interpreter."""
    space, host = Space(4), Host(snapshot, 4)
    source = parse_address("192.168.58.10", 4)
    packet = Packet(4, State.NEW, "eth1", "", 17, source, parse_address("8.8.8.8", 4), 1024, 53, 0, 64)
    packet = replace(packet, **fields)  # type: ignore[arg-type]
    values = [0] * len(Field)
    values[Field.PROTO], values[Field.SRC], values[Field.DST] = packet.protocol, packet.src, packet.dst
    values[Field.DPORT], values[Field.SPORT], values[Field.HOPS] = packet.dport, packet.sport, packet.hops
    passages = Machine(space, host).arrivals("eth1")
    by_sets = any(passage.oif and space.diagrams.mask(passage.packets.upper, values) for passage in passages)
    return by_sets, Visit(host).arrive(packet).outcome is Outcome.SENT_ON


def test_the_rest_of_0_8_is_forwarded_since_linux_5_3() -> None:
    snapshot = router("-A FORWARD -j ACCEPT")
    assert forwarded(snapshot, dst=3) == (True, True)
    assert forwarded(snapshot, dst=0) == (False, False)


@pytest.mark.parametrize(("hops", "passes"), [(1, False), (2, True), (64, True), (65, False)])
def test_a_router_lowers_the_hop_limit_before_its_rules_look(hops: int, passes: bool) -> None:
    snapshot = router("-A FORWARD -m ttl --ttl-lt 64 -j ACCEPT")
    assert forwarded(snapshot, hops=hops) == (passes, passes)


def test_conntrack_has_no_ports_for_protocols_without() -> None:
    rules = parse_ruleset(
        "*filter\n:FORWARD DROP\n-A FORWARD -m conntrack --ctorigdstport 53 -j ACCEPT\nCOMMIT\n", 4, "x"
    )
    space = Space(4)
    hook = Semantics(space, rules, Surroundings(interfaces_named([rules]))).hook("filter", "FORWARD", View())
    passed = accepted(space, hook)
    gre = space.diagrams.box({Field.STATE: one(State.NEW), Field.PROTO: one(47)})
    assert space.diagrams.intersect(passed.upper, gre) == gre
    assert not space.diagrams.count(space.diagrams.intersect(passed.lower, gre))


def test_an_option_of_an_unmodelled_module_is_no_header() -> None:
    text = "*filter\n:INPUT DROP [0:0]\n-A INPUT -m policy --dir in --pol ipsec --proto esp -j ACCEPT\nCOMMIT\n"
    assert print_ruleset(parse_ruleset(text, 4, "x")) == text


def test_neighbour_discovery_has_no_connection() -> None:
    """A rule that accepts it without asking for a state does not accept a NEW packet."""
    snapshot = router("-A FORWARD -j DROP")
    six = parse_ruleset(
        "*filter\n:INPUT DROP\n-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT\nCOMMIT\n", 6, "x"
    )
    kernel = {name: 0 if name.endswith("disable_ipv6") else value for name, value in snapshot.kernel.items()}
    machine = Machine(Space(6), Host(replace(snapshot, rules={4: snapshot.rules[4], 6: six}, kernel=kernel), 6))
    assert not [passage for passage in machine.arrivals("eth1", State.NEW) if not passage.oif]
    assert [passage for passage in machine.arrivals("eth1", State.UNTRACKED) if not passage.oif]


def sent_on(src: str, dst: str, translated: str = "") -> set[str]:
    """Give the interfaces by which an IPv6 packet that came by eth0 may leave a router whose rules allow everything."""
    answer = made.answer(Builder(4, dual=True).model(), "core1")
    snapshot = parse_snapshot(answer, "core1", "core1")
    nat = f"*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DNAT --to-destination {translated}\nCOMMIT\n"
    rules = parse_ruleset(nat if translated else "", 6, "core1")
    host, space = Host(replace(snapshot, rules={4: parse_ruleset("", 4, "core1"), 6: rules}), 6), Space(6)
    ends = parse_address(src, 6), parse_address(dst, 6)
    packet = Packet(6, State.NEW, "eth0", "", 17, *ends, 1024, 53, 0, 64)
    passages = Machine(space, host).arrivals("eth0")
    by_sets = {p.oif for p in passages if space.diagrams.mask(p.packets.upper, values_of(packet, host.interfaces))}
    hop = Visit(host).arrive(packet)
    assert by_sets == ({hop.left.oif} if hop.outcome is not Outcome.STOPPED else set())
    return by_sets


@pytest.mark.parametrize("source", ["fe80::9", "::"])
def test_a_source_of_the_link_is_sent_on_where_the_way_out_is_the_way_in(source: str) -> None:
    assert sent_on(source, "fd00:1::9") == {"eth0"}
    assert sent_on(source, "fd00:2::9") == set()
    assert sent_on("fd00:1::8", "fd00:2::9") == {"eth1"}


def test_a_destination_of_the_link_is_sent_back_onto_the_link_it_came_by() -> None:
    assert sent_on("fd00:1::8", "fe80::9") == {"eth0"}


def test_no_wire_brings_packets_to_loopback_even_if_a_rule_would_translate_them() -> None:
    assert sent_on("fd00:1::8", "::1", translated="fd00:2::9") == set()
    assert sent_on("fd00:1::8", "fd00:3::1", translated="fd00:2::9") == {"eth1"}


def test_a_neighbour_without_an_address_does_not_get_back_into_its_own_zone_by_the_edge() -> None:
    builder = Builder(4, dual=True)
    builder.flow(("z0",), (builder.host("web", {1: 9}),), ("tcp", 443, 443), publish="edge")
    model = builder.model()
    texts = made.answers(model)
    assert broken(model, texts) == set()
    guards = [line for line in texts["edge1"].splitlines() if "deny:link" in line]
    assert len(guards) == 2
    for guard in guards:
        assert broken(model, texts | {"edge1": texts["edge1"].replace(guard + "\n", "")}) == {"zone-pair", "forwarding"}


def broken(model: Model, texts: Mapping[str, str]) -> set[str]:
    """Name the obligations that fail; nobody gives operators SSH here."""
    proof = prove(read_fleets(model, made.snapshots(model, texts)))
    return {each.name for each in proof.obligations if not each.holds} - {"operator-path"}
