"""What a change is said to allow is what single packets say, asked of a second reading of the policy."""

from random import Random

import pytest

from network.change.admission import Admitted, admissions, beyond
from network.model import Address, Model
from network.prove.engine.diagram import Diagrams
from network.prove.semantics.layout import Field, sizes
from network.prove.syntax.numbers import parse_protocol
from tests.unit.compile.fleets import addresses_of_interest, random_model, services_of_interest
from tests.unit.compile.meaning import Meaning, Pair
from tests.unit.compile.walker import Packet


class Evaluator:
    """Says of one packet whether a flow admits it, and where it is then taken."""

    def __init__(self, model: Model) -> None:
        self.meaning = Meaning(model)

    def ways(self, packet: Packet) -> set[frozenset[Address] | None]:
        """Give where a packet may go: on to these addresses (publish), or where it is addressed (None)."""
        found: set[frozenset[Address] | None] = set()
        for pair in self.meaning.pairs[packet.source.version]:
            if self._serves(pair, packet) and self.meaning.inside(packet.source, pair.source):
                if pair.offered_at and packet.destination in pair.offered_at:
                    found.add(frozenset(network[0] for network in pair.destination or ()))
                elif not pair.offered_at and self.meaning.inside(packet.destination, pair.destination):
                    found.add(None)
        return found

    @staticmethod
    def _serves(pair: Pair, packet: Packet) -> bool:
        return any(
            service.protocol == packet.protocol and service.first <= packet.port <= service.last
            for service in pair.flow.services
        )


def changed(random: Random, model: Model, other: Model) -> Model:
    """Give a model with some of another's flows in the place of its own, in the same fleet."""
    kept = [flow for flow in model.flows if random.random() < 0.7]
    more = [flow for flow in other.flows if random.random() < 0.3]
    return Model(model.fleet, model.services, (*kept, *more))


def packets_of(random: Random, models: tuple[Model, Model], version: int) -> list[Packet]:
    """Give packets between addresses that something is said of; half of them are some flow's, or nearly."""
    addresses = addresses_of_interest(models[0], version)
    services = [service for model in models for service in services_of_interest(model)]
    found = [Packet(random.choice(addresses), random.choice(addresses), *random.choice(services)) for _ in range(150)]
    for model in models:
        for pair in Meaning(model).pairs[version]:
            ends = [
                random.choice(place)[0] if place else random.choice(addresses)
                for place in (pair.source, pair.destination)
            ]
            if pair.offered_at:
                ends[1] = pair.offered_at[0]
            service = random.choice(pair.flow.services)
            found.append(Packet(ends[0], ends[1], service.protocol, random.choice((service.first, service.last))))
    return found


def holds(diagrams: Diagrams, found: list[Admitted], packet: Packet) -> set[frozenset[int] | None]:
    values = [0] * len(Field)
    values[Field.PROTO], values[Field.DPORT] = parse_protocol(packet.protocol), packet.port
    values[Field.SRC], values[Field.DST] = int(packet.source), int(packet.destination)
    inside = [each.by.taken_to for each in found if not each.requests and diagrams.mask(each.packets, values)]
    assert len(inside) == len(set(inside)), "a packet is told twice"
    return {None if way is None else frozenset(first for first, _ in way) for way in inside}


def plain(ways: set[frozenset[Address] | None]) -> set[frozenset[int] | None]:
    return {None if way is None else frozenset(map(int, way)) for way in ways}


@pytest.mark.parametrize("seed", range(24))
def test_newly_allowed_and_denied_are_the_difference_packet_by_packet(seed: int) -> None:
    random = Random(seed)  # noqa: S311 not for secrets
    dual = seed % 2 == 1
    size = {"flows": random.randint(3, 20), "hosts": random.randint(3, 10), "zones": random.randint(4, 6)}
    first = random_model(random, **size, dual=dual)
    more = random_model(random, **size, dual=dual)
    # The flows of the other fleet are kept where their ends are known here too.
    known = {*first.fleet.hosts, *first.fleet.zones, *first.fleet.externals}
    usable = [f for f in more.flows if all(end.name in known for end in (*f.sources, *f.destinations))]
    second = changed(random, first, Model(more.fleet, {}, tuple(usable)))
    before, after = Evaluator(first), Evaluator(second)
    met = 0
    for version in (4, 6) if dual else (4,):
        diagrams = Diagrams(sizes(version))
        old, new = (admissions(model, version, diagrams) for model in (first, second))
        allowed, denied = list(beyond(new, old, diagrams)), list(beyond(old, new, diagrams))
        for packet in packets_of(random, (first, second), version):
            earlier, later = plain(before.ways(packet)), plain(after.ways(packet))
            assert holds(diagrams, allowed, packet) == later - earlier, packet
            assert holds(diagrams, denied, packet) == earlier - later, packet
            met += earlier != later
    assert met, "no packet was drawn on which the two differ"
