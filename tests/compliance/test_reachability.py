"""The live matrix: every door of every host, from every other host. What is denied is proven to be denied."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from network.check.matrix import Judged, Prepared, prepared
from network.check.reach import Forgery, forgeries, probes
from network.check.shell import Shell, ask
from network.check.temporary import MARK, egress_opened
from network.check.verdict import Verdict
from network.model import Model

_SPOOFED = 5


@pytest.fixture(scope="module")
def fleet(model: Model, shells: Mapping[str, Shell]) -> Iterator[Prepared]:
    """Have something listen at every door while this module runs."""
    with prepared(model, shells, probes(model)) as ready:
        yield ready


def summary(judged: Sequence[Judged]) -> str:
    """Return what did not come out as it should, the worst first, and how the rest came out."""
    order = (Verdict.LEAK, Verdict.BLOCKED, Verdict.INCONCLUSIVE)
    wrong = sorted((each for each in judged if not each.verdict.passed), key=lambda each: order.index(each.verdict))
    counts = Counter(each.verdict.value for each in judged)
    lines = [f"{count} {verdict}" for verdict, count in counts.items()]
    return "\n".join([*lines, *(str(each) for each in wrong[:25]), f"({len(wrong)} in all)"])


@pytest.mark.control("reachability")
def test_every_host_s_own_egress_refuses_what_no_flow_allows(fleet: Prepared) -> None:
    judged = fleet.egress()

    assert all(each.verdict.passed for each in judged), summary(judged)
    assert {each.verdict for each in judged} == {Verdict.OPEN, Verdict.DENIED}


@pytest.mark.control("reachability")
def test_firewalls_and_targets_drop_what_a_taken_over_host_sends(fleet: Prepared) -> None:
    judged = fleet.transit()

    assert all(each.verdict.passed for each in judged), summary(judged)
    assert {each.verdict for each in judged} == {Verdict.OPEN, Verdict.DENIED}


@pytest.mark.control("reachability")
def test_a_forged_source_is_dropped_by_the_first_firewall(
    fleet: Prepared, model: Model, shells: Mapping[str, Shell]
) -> None:
    cases = forgeries(model, probes(model))
    assert {case.attacker for case in cases} == {name for name in shells if not model.fleet.hosts[name].firewall}

    before = fleet.counters()
    with ThreadPoolExecutor(len(cases)) as pool:
        list(pool.map(lambda case: send(shells[case.attacker], case), cases))
    time.sleep(0.2)
    after = fleet.counters()

    sent = Counter(case.denier for case in cases for _ in range(_SPOOFED))
    risen = {host: after[host].get("spoof", 0) - before[host].get("spoof", 0) for host in sent}
    assert all(risen[host] >= count for host, count in sent.items()), f"sent {dict(sent)}, dropped {risen}: {cases}"


def send(shell: Shell, case: Forgery) -> None:
    """Send the forged packets from the attacker, whose own egress is opened for them."""
    packet = {
        "mark": MARK,
        "source": str(case.forged),
        "destination": str(case.target),
        "port": case.port,
        "count": _SPOOFED,
    }
    with egress_opened(shell, "forgery"):
        assert ask(shell, "spoof", packet) == _SPOOFED
