"""The live probe's verdicts, by pair of zones. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

from network.check.matrix import Judged
from network.check.reach import Probe
from network.model import Endpoint, Model
from network.path import journey, zone_journey
from network.prove.endtoend import Cell


def cells(model: Model, probe: Probe) -> frozenset[Cell]:
    """Return the pairs of zones that a probe speaks of; a published door leads on to where its flow ends."""
    source, target = model.fleet.hosts[probe.source], model.fleet.hosts[probe.target]
    zone = next(leg.zone for leg in target.legs if leg.address == probe.address)
    start = zone_journey(model.fleet, source.zones, (zone,)).start
    flow = probe.flow
    if flow is not None and flow.publish is not None and start == model.fleet.untrusted.name:
        ways = (journey(model, Endpoint("host", source.name), end) for end in flow.destinations)
        return frozenset((way.start, way.end) for way in ways)
    return frozenset([(start, zone)])


def by_cell(model: Model, probed: Iterable[Judged]) -> dict[Cell, list[Judged]]:
    """Sort verdicts into the pairs of zones that they speak of."""
    found: dict[Cell, list[Judged]] = {}
    for each in probed:
        for cell in cells(model, each.probe):
            found.setdefault(cell, []).append(each)
    return found


def summary(judged: Sequence[Judged]) -> str:
    """Count the verdicts: open and denied are as declared, and a denial is proven; the others are findings."""
    counts = Counter(each.verdict for each in judged)
    return ", ".join(f"{count} {verdict.name.lower()}" for verdict, count in counts.items())


def possible(probes: Iterable[Probe], answering: Iterable[str]) -> tuple[Probe, ...]:
    """Leave out the probes that need a host which does not answer: as source, target, real destination or denier."""
    there = set(answering)
    return tuple(each for each in probes if _needed(each) <= there)


def _needed(probe: Probe) -> set[str]:
    ends = probe.flow.destinations if probe.flow is not None and probe.flow.publish is not None else ()
    return {probe.source, probe.target, probe.denier, *(end.name for end in ends if end.kind == "host")}
