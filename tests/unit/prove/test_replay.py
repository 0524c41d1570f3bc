"""What is replayed, as bytes and as verdicts: packets are made and read right, and every kind of disagreement shows."""

import struct
from dataclasses import replace
from random import Random

import pytest

from network.prove.claim import Start
from network.prove.fleet.hop import Outcome
from network.prove.fleet.walk import Fleet
from network.prove.policy import SYN
from network.prove.proof import fleets, prove
from network.prove.replay.probe import Probe, of_story, probe, unsendable
from network.prove.replay.sample import Sampler
from network.prove.replay.verdict import Agreement, Replayed, Seen, Sighting, compare
from network.prove.replay.wire import Header, checksum, decode, encode
from network.prove.semantics.layout import State
from network.prove.semantics.packet import Packet
from network.prove.syntax.addresses import parse_address
from tests.unit.prove import fleets as made
from tests.unit.prove.test_snapshot import lab

WORD = b"a word!!\0\1"


def packet(family: int = 4, protocol: int = 6, **changed: object) -> Packet:
    ends = ("192.0.2.1", "192.0.2.2") if family == 4 else ("2001:db8::1", "2001:db8::2")
    src, dst = (parse_address(each, family) for each in ends)
    plain = Packet(family, State.NEW, "", "", protocol, src, dst, 40000, 443, SYN, 64)
    return replace(plain, **changed)  # type: ignore[arg-type]


def payload(data: bytes) -> tuple[bytes, bytes]:
    """Give what the checksum of the payload covers before it, and the payload."""
    if data[0] >> 4 == 6:
        rest = data[40:]
        return data[8:40] + struct.pack("!IHBB", len(rest), 0, 0, data[6]), rest
    rest = data[20:]
    return data[12:20] + struct.pack("!BBH", 0, data[9], len(rest)), rest


@pytest.mark.parametrize(("family", "protocol"), [(4, 6), (4, 17), (4, 1), (6, 6), (6, 17), (6, 58)])
def test_packets_have_right_checksums_and_read_back(family: int, protocol: int) -> None:
    dport = {1: 8 * 256, 58: 128 * 256}.get(protocol, 443)
    given = packet(family, protocol, dport=dport)
    data = encode(given, WORD)
    assert decode(data) == Header(family, protocol, given.src, given.dst, dport)
    assert data.endswith(WORD)
    pseudo, rest = payload(data)
    assert checksum((b"" if protocol == 1 else pseudo) + rest) == 0
    if family == 4:
        assert checksum(data[:20]) == 0
        assert struct.unpack("!H", data[2:4])[0] == len(data)


def test_an_invalid_packet_has_a_wrong_checksum() -> None:
    pseudo, rest = payload(encode(packet(state=State.INVALID), WORD))
    assert checksum(pseudo + rest) != 0


def test_what_is_no_packet_is_refused() -> None:
    with pytest.raises(ValueError, match="no IP packet"):
        decode(b"\x45")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (packet(), ""),
        (packet(state=State.INVALID), ""),
        (packet(state=State.ESTABLISHED), "there is none"),
        (packet(protocol=132), "not made here"),
        (packet(protocol=50, state=State.INVALID), "no checksum"),
        (packet(flags=0), "INVALID"),
        (packet(flags=0b10000), ""),
    ],
)
def test_what_cannot_be_sent_says_why(given: Packet, why: str) -> None:
    assert why in unsendable(given)
    assert bool(unsendable(given)) == bool(why)


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return fleets(lab(), made.snapshots(lab(), made.answers(lab())))[4]


def callback(fleet: Fleet, source: str = "192.168.58.10") -> Probe:
    """Foretell the callback's way from worker1 to web1, past core1; gateway1 takes no part."""
    ends = {"src": parse_address(source, 4), "dst": parse_address("192.168.57.10", 4)}
    return probe(fleet, "x", Start("worker1"), packet(dport=8444, **ends))


def sightings(given: Probe) -> dict[str, list[Sighting]]:
    """Give what is seen where all hosts do as foretold."""
    found: dict[str, list[Sighting]] = {}
    for hop in given.hops:
        headers = [Header(4, each.protocol, each.src, each.dst, each.dport) for each in (hop.arrived, hop.left)]
        if hop.arrived.iif:
            found.setdefault(hop.host, []).append(Sighting("in", hop.arrived.iif, headers[0]))
        if hop.outcome is Outcome.SENT_ON:
            found.setdefault(hop.host, []).append(Sighting("out", hop.left.oif, headers[1]))
        if hop.outcome is Outcome.DELIVERED:
            found.setdefault(hop.host, []).append(Sighting("taken", "", headers[1]))
    return found


def judged(given: Probe, at: dict[str, list[Sighting]]) -> Replayed:
    return compare(given, Seen("sent", at))


def test_a_way_that_is_taken_agrees(fleet: Fleet) -> None:
    given = callback(fleet)
    assert [hop.host for hop in given.hops] == ["worker1", "core1", "web1"]
    assert given.gets_through
    assert judged(given, sightings(given)).agreement is Agreement.AGREES


@pytest.mark.parametrize(("host", "how"), [("worker1", "out"), ("core1", "out"), ("web1", "taken")])
def test_a_packet_that_is_stopped_on_its_way_disagrees(fleet: Fleet, host: str, how: str) -> None:
    given = callback(fleet)
    at = sightings(given)
    at[host] = [each for each in at[host] if each.how != how]
    found = judged(given, at)
    assert (found.agreement, found.kernel) == (Agreement.DISAGREES, f"{host} stops it")


def test_a_packet_that_leaves_by_another_way_or_looks_otherwise_disagrees(fleet: Fleet) -> None:
    given = callback(fleet)
    at = sightings(given)
    at["core1"] = [replace(each, interface="eth9") if each.how == "out" else each for each in at["core1"]]
    assert judged(given, at).agreement is Agreement.DISAGREES
    at = sightings(given)
    taken = next(each for each in at["web1"] if each.how == "taken")
    at["web1"] = [*at["web1"][:1], replace(taken, header=replace(taken.header, dport=22))]
    assert "takes it in as" in judged(given, at).kernel


def test_a_packet_that_should_be_stopped_and_is_not_disagrees(fleet: Fleet) -> None:
    forged = callback(fleet, "192.168.58.20")
    assert not forged.gets_through
    assert judged(forged, {}).agreement is Agreement.AGREES
    out = Sighting("out", "eth0", Header(4, 6, forged.packet.src, forged.packet.dst, 8444))
    assert judged(forged, {"worker1": [out]}).agreement is Agreement.DISAGREES


def test_a_packet_that_is_lost_on_a_link_proves_nothing(fleet: Fleet) -> None:
    given = callback(fleet)
    found = judged(given, sightings(given) | {"core1": []})
    assert found.agreement is Agreement.INCONCLUSIVE
    assert found.kernel == "left worker1 and never came to core1"


def test_a_packet_that_is_changed_on_a_link_proves_nothing(fleet: Fleet) -> None:
    given = callback(fleet)
    at = sightings(given)
    at["core1"] = [replace(each, header=replace(each.header, src=1)) for each in at["core1"]]
    found = judged(given, at)
    assert found.agreement is Agreement.INCONCLUSIVE
    assert "came to core1 as 0.0.0.1" in found.kernel


def test_a_host_that_asks_the_link_for_the_next_one_has_let_the_packet_go(fleet: Fleet) -> None:
    dst = parse_address("192.168.57.77", 4)
    given = probe(fleet, "x", Start("web1"), packet(src=parse_address("192.168.57.10", 4), dst=dst))
    way = replace(given.hops[0], outcome=Outcome.SENT_ON, left=replace(given.hops[0].left, oif="eth0"))
    let_go = replace(given, hops=(way,), otherwise=(way,))
    assert compare(let_go, Seen("sent", {}, frozenset({("web1", "eth0", dst)}))).agreement is Agreement.AGREES
    assert compare(let_go, Seen("sent", {}, frozenset({("web1", "eth0", dst + 1)}))).agreement is Agreement.DISAGREES


def test_where_conditions_are_open_either_way_will_do(fleet: Fleet) -> None:
    through = callback(fleet)
    stopped = replace(through.hops[0], outcome=Outcome.STOPPED)
    either = replace(through, otherwise=(stopped,))
    assert either.open
    assert judged(either, {}).agreement is Agreement.AGREES
    assert judged(either, sightings(through)).agreement is Agreement.AGREES


def test_samples_are_what_they_say(fleet: Fleet) -> None:
    drawn = list(Sampler(fleet, Random(3)).probes(2))  # noqa: S311
    zones = set(fleet.model.fleet.zones)
    named = {name: {each.name.split(", ")[1] for each in drawn if name in each.name} for name in ("gets", "stopped")}
    assert named["stopped"] == {f"{start} → {end}" for start in zones for end in zones}
    assert "app → dmz" in named["gets"]
    assert "broker → dmz" not in named["gets"]
    for each in drawn:
        assert each.gets_through == ("gets through" in each.name)
        assert not unsendable(each.packet)
    again = list(Sampler(fleet, Random(3)).probes(2))  # noqa: S311
    assert [each.packet for each in again] == [each.packet for each in drawn]


def test_counterexamples_that_are_no_packets_say_so() -> None:
    texts = made.answers(lab())
    texts["core1"] = texts["core1"].replace("ipv4/conf/eth0/bc_forwarding:0", "ipv4/conf/eth0/bc_forwarding:1")
    texts["core1"] = texts["core1"].replace("-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n", "", 1)
    read = fleets(lab(), made.snapshots(lab(), texts))
    told = {story.obligation.name: of_story(read[4], 1, story) for story in prove(read).stories}
    assert "a setting" in str(told["settings"])
    assert "FORWARD alone" in str(told["established"])


def test_counterexamples_are_foretold_as_they_are_told() -> None:
    texts = made.answers(lab())
    rule = "-A FORWARD -p udp -m udp --dport 53 -j ACCEPT"
    texts["core1"] = texts["core1"].replace("-A FORWARD -j fwd\n", f"-A FORWARD -j fwd\n{rule}\n", 1)
    read = fleets(lab(), made.snapshots(lab(), texts))
    sent = 0
    for number, story in enumerate(prove(read).stories):
        found = of_story(read[story.gap.family], number, story)
        if story.packet.state in {State.NEW, State.INVALID}:
            assert isinstance(found, Probe)
            assert found.hops == story.hops
            sent += 1
        else:
            assert "belongs to a connection" in str(found)
    assert sent
