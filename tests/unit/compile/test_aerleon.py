"""What is compiled lets through what Aerleon, told the same flows, lets through: packet by packet, and as whole sets.

Aerleon is told what can be said without translation (see told_to_aerleon), so firewalls to the outside and what stands
there are left out.
"""

import subprocess
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from network.compile.iptables import compile_host
from network.model import Address, Model, Service
from network.prove.engine.diagram import Node
from network.prove.semantics.chains import Semantics, Space, accepted
from network.prove.semantics.layout import Field, State, one
from network.prove.semantics.meaning import View
from network.prove.semantics.packet import Packet
from network.prove.semantics.surroundings import Interfaces, Surroundings
from network.prove.semantics.trace import Fate, Interpreter
from network.prove.syntax.rules import parse_ruleset
from network.prove.syntax.sets import parse_sets
from network.prove.syntax.types import Ruleset
from network.read import load
from tests.bench.scale import fleet
from tests.unit.compile.fleets import addresses_of_interest
from tests.unit.compile.told_to_aerleon import Judge, Term, generated, terms

ROOT = Path(__file__).parents[3]
HOOKS = ("INPUT", "FORWARD", "OUTPUT")
NUMBERS = {"tcp": 6, "udp": 17}
INTERFACES = Interfaces(("lo", "eth0"))
SYN = 2

Case = tuple[Model, str, str, int]


def told(case: Case) -> list[Term]:
    return list(terms(*case))


def cases(model: Model) -> list[Case]:
    untrusted = model.fleet.untrusted.name
    inner = [host.name for host in model.fleet.hosts.values() if untrusted not in host.zones]
    found = [(model, host, hook, version) for host in inner for hook in HOOKS for version in (4, 6)]
    return [case for case in found if told(case)]


def compiled(model: Model, host: str, version: int) -> tuple[Ruleset, Surroundings]:
    firewall = compile_host(model, host)
    ruleset = parse_ruleset(firewall.v4 if version == 4 else firewall.v6, version, host)
    return ruleset, Surroundings(INTERFACES, parse_sets(firewall.sets, host))


def interfaces(hook: str) -> tuple[str, str]:
    return "" if hook == "OUTPUT" else "eth0", "" if hook == "INPUT" else "eth0"


def differing(case: Case, judge: Judge, random: Random, packets: int) -> tuple[list[Packet], int]:
    """Give the packets on which the two differ, and how many they let through, among some on and beside the bounds."""
    model, host, hook, version = case
    interpreter = Interpreter(*compiled(model, host, version))
    iif, oif = interfaces(hook)
    some, addresses, found, passed = told(case), addresses_of_interest(model, version), [], 0
    for _ in range(packets):
        source, destination, protocol, port = drawn(random, some, addresses)
        packet = Packet(
            version, State.NEW, iif, oif, NUMBERS[protocol], int(source), int(destination), 50000, port, SYN, 64
        )
        theirs = judge.passes(source, destination, protocol, port)
        ours = interpreter.fates("filter", hook, packet) == {Fate("ACCEPT")}
        passed += ours
        if ours != theirs:
            found.append(packet)
    return found, passed


def drawn(random: Random, some: list[Term], addresses: list[Address]) -> tuple[Address, Address, str, int]:
    """Draw a packet that a term lets through, or one beside its bounds, or with another address."""
    term = random.choice(some)
    ends = [random.choice((networks[0][0], networks[-1][-1])) for networks in (term.sources, term.destinations)]
    source, destination = (random.choice(addresses) if random.random() < 0.2 else end for end in ends)
    service = random.choice(term.flow.services)
    protocol = service.protocol if random.random() < 0.9 else random.choice(list(NUMBERS))
    port = random.choice(
        (service.first, service.last, service.first, service.last, service.first - 1, service.last + 1)
    )
    return source, destination, protocol, min(max(port, 0), 65535)


@pytest.fixture(scope="module", params=["lab", "production", "generated"])
def model(request: pytest.FixtureRequest) -> Model:
    if request.param == "generated":
        return fleet(12, 200)
    return load(ROOT / "network/policy.yml", ROOT / "inventory" / str(request.param))


def test_packet_by_packet(model: Model) -> None:
    random, passed = Random(1), 0  # noqa: S311 the same packets each time
    for case in cases(model):
        differ, some = differing(case, Judge(told(case), *case[2:]), random, 40)
        assert not differ, f"{case[1:]}: {differ[0]}"
        passed += some
    assert passed > 100


def test_a_port_more_on_one_side_shows(lab: Model) -> None:
    flow = next(flow for flow in lab.flows if flow.id == "status-callback")
    wider = replace(flow, services=(*flow.services, Service("more", "tcp", 8445, 8445)))
    other = replace(lab, flows=tuple(wider if each is flow else each for each in lab.flows))
    random = Random(2)  # noqa: S311 the same packets each time
    judge = Judge(terms(other, "core1", "FORWARD", 4), "FORWARD", 4)
    differ, _ = differing((lab, "core1", "FORWARD", 4), judge, random, 2000)
    assert differ
    assert {packet.dport for packet in differ} == {8445}


def opened(space: Space, ruleset: Ruleset, around: Surroundings, hook: str) -> Node:
    """Give the packets that open a connection and pass a hook."""
    iif, oif = (INTERFACES.number(name) if name else 0 for name in interfaces(hook))
    known: dict[int, int] = {Field.STATE: State.NEW, Field.IIF: iif, Field.OIF: oif, Field.FLAGS: SYN, Field.HOPS: 64}
    passed = accepted(space, Semantics(space, ruleset, around).hook("filter", hook, View()))
    assert passed.exact
    of_services = space.diagrams.union(*(space.diagrams.box({Field.PROTO: one(number)}) for number in NUMBERS.values()))
    return space.diagrams.intersect(space.diagrams.assign(passed.upper, known), of_services)


def loaded(text: str, version: int) -> Ruleset:
    """Load rules into a namespace of their own, and read what the kernel has."""
    program = "iptables" if version == 4 else "ip6tables"
    script = f"{program}-restore && {program}-save"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return parse_ruleset(done.stdout, version, "aerleon")


@pytest.mark.thorough
@pytest.mark.needs_root
def test_as_whole_sets(model: Model) -> None:
    compared = 0
    for case in cases(model):
        _, host, hook, version = case
        space = Space(version)
        ours = opened(space, *compiled(model, host, version), hook)
        rules = loaded(generated(told(case), hook, version), version)
        theirs = opened(space, rules, Surroundings(INTERFACES), hook)
        extra, missing = space.diagrams.difference(ours, theirs), space.diagrams.difference(theirs, ours)
        assert ours == theirs, (
            f"{case[1:]}: extra {space.diagrams.witness(extra)}, missing {space.diagrams.witness(missing)}"
        )
        compared += 1
    assert compared > 5
