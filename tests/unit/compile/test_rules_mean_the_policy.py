"""The compiled text lets through what the policy means, at every hook of every host, and nothing else."""

from ipaddress import ip_address
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from network.compile.iptables import compile_host
from network.compile.table import VISITED
from network.model import Host, Model
from tests.unit.compile.fleets import addresses_of_interest, random_model, services_of_interest
from tests.unit.compile.meaning import Meaning, Pair
from tests.unit.compile.walker import Packet, Ruleset, Sets, translated

pytestmark = pytest.mark.thorough


def check(model: Model, random: Random, packets: int, hosts: tuple[str, ...] = ()) -> int:
    """Compare verdicts with the meaning for random packets at every hook. Return how many were let through."""
    meaning = Meaning(model)
    passed = 0
    services = services_of_interest(model)
    for host in (model.fleet.hosts[name] for name in hosts or model.fleet.hosts):
        firewall = compile_host(model, host.name)
        sets = Sets.parse(firewall.sets)
        for version, text in ((4, firewall.v4), (6, firewall.v6)):
            rules = Ruleset(text, sets)
            assert max(rules.depth("filter", chain) for chain in ("INPUT", "FORWARD", "OUTPUT")) <= VISITED
            assert rules.depth("nat", "PREROUTING") <= VISITED
            addresses = addresses_of_interest(model, version)
            pairs = meaning.concerning(host, version)
            for _ in range(packets):
                protocol, port = random.choice(services)
                packet = Packet(random.choice(addresses), random.choice(addresses), protocol, port)
                if pairs and random.random() < 0.7:
                    packet = likely(random, random.choice(pairs), host, packet)
                if not {packet.source, packet.destination} <= {leg.address for leg in host.legs}:
                    # What a host sends itself takes the loopback, and no flow is asked.
                    passed += hooks(meaning, host, rules, packet, deep=bool(hosts))
    return passed


def likely(random: Random, pair: Pair, host: Host, packet: Packet) -> Packet:
    """Return a packet that a flow might well allow, so that not nearly all are denied."""
    outside = ip_address("8.8.4.4" if packet.source.version == 4 else "2a00::8")
    source = random.choice(pair.source)[0] if pair.source else outside
    destination = random.choice(pair.destination)[0] if pair.destination else outside
    if random.random() < 0.2 and pair.leaves_by is not None:
        source = pair.leaves_by
    if random.random() < 0.3 and pair.offered_at:
        destination = pair.offered_at[0]
    own = [leg.address for leg in host.legs if leg.address.version == packet.source.version]
    if own and random.random() < 0.3:
        source, destination = random.choice(((random.choice(own), destination), (source, random.choice(own))))
    service = random.choice(pair.flow.services)
    return Packet(source, destination, service.protocol, random.choice((service.first, service.last, packet.port)))


def hooks(meaning: Meaning, host: Host, rules: Ruleset, packet: Packet, *, deep: bool) -> int:
    """Compare each hook of a host for a packet, as sent or as translated.

    In deep trees a firewall may also pass what the policy allows, but on another way.
    """
    received = rules.walk("filter", "INPUT", packet)
    assert (received.name == "ACCEPT") == meaning.receives(host, packet), (host.name, packet, received)
    sent = rules.walk("filter", "OUTPUT", packet)
    assert (sent.name == "ACCEPT") == meaning.sends(host, packet), (host.name, packet, sent)
    arrived = rules.walk("nat", "PREROUTING", packet)
    offered = meaning.offers(host, packet)
    assert (arrived.name == "DNAT") == bool(offered), (host.name, packet, arrived)
    verdicts = [received, sent]
    for seen in {translated(packet, arrived), translated(packet, received)}:
        forwarded = rules.walk("filter", "FORWARD", seen)
        anywhere = deep and forwarded.name == "ACCEPT"
        expected = meaning.forwards(host, seen, anywhere=anywhere)
        assert (forwarded.name == "ACCEPT") == expected, (host.name, seen, forwarded)
        verdicts.append(forwarded)
    if arrived.to is not None:
        assert arrived.to[0] in offered
    assert all(verdict.visited <= VISITED for verdict in (*verdicts, arrived))
    assert all(verdict.comment.startswith(("flow:", "deny:")) for verdict in verdicts)
    return sum(verdict.name == "ACCEPT" for verdict in verdicts)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    flows=st.integers(0, 40),
    hosts=st.integers(1, 16),
    zones=st.integers(4, 8),
    dual=st.booleans(),
)
def test_any_small_policy(seed: int, flows: int, hosts: int, zones: int, dual: bool) -> None:
    random = Random(seed)  # noqa: S311 the same each time
    check(random_model(random, flows=flows, hosts=hosts, zones=zones, dual=dual), random, 60)


def test_a_policy_of_many_flows() -> None:
    random = Random(1)  # noqa: S311 the same each time
    model = random_model(random, flows=250, hosts=40, zones=8, dual=True)
    assert check(model, random, 60, ("edge1", "core1", "h0", "h1", "h2", "h3")) > 200
