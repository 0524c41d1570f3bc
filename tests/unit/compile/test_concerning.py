"""Of a fleet's conversations a host looks at those that concern it: it misses none, and there are few of the others."""

from random import Random

import pytest

from network.compile.access import access
from network.compile.conversation import concerning, conversations, takes_part
from tests.bench.scale import fleet
from tests.unit.compile.fleets import random_model


@pytest.mark.parametrize("seed", range(12))
def test_what_is_left_out_concerns_others_alone(seed: int) -> None:
    model = random_model(Random(seed), flows=40, hosts=12, zones=6, dual=seed % 2 == 0)  # noqa: S311 reproducible
    for host in model.fleet.hosts.values():
        kept = concerning(model, host)
        left_out = [talk for talk in conversations(model) if talk not in kept]
        assert not any(takes_part(model, (*talk.sources, *talk.destinations), host) for talk in left_out)
        for version in (4, 6):
            assert access(model, kept, host.name, version) == access(model, conversations(model), host.name, version)


def test_a_host_of_a_large_fleet_looks_at_its_own_flows() -> None:
    model = fleet(200, 400)
    looked_at = sum(len(concerning(model, host)) for host in model.fleet.hosts.values() if not host.firewall)
    assert looked_at == 2 * 400
