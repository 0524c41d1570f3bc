"""From what was seen to what it says. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from network.check.matrix import Judged
from network.check.verdict import Verdict
from network.evidence.counters import Count, connections
from network.evidence.probed import by_cell, summary
from network.evidence.result import (
    ControlEvidence,
    Evidence,
    Finding,
    FlowEvidence,
    HostEvidence,
    Level,
    PairEvidence,
)
from network.model import Flow, Model
from network.prove.endtoend import Cell
from network.prove.fleet.snapshot import Snapshot
from network.prove.proof import Proof
from network.prove.report import trust

# Reviews that are due this soon are told of.
SOON = timedelta(days=30)

_POLICY = "network/policy.yml"

PROVED, DIFFERS, NOWHERE = "holds", "differs", "carries nothing here"


def evidence(
    model: Model,
    proof: Proof,
    snapshots: Mapping[str, Snapshot],
    *,
    since: Mapping[str, datetime | None],
    shadowed: Iterable[tuple[str, str]],
    probed: Sequence[Judged] | None,
    controls: Sequence[ControlEvidence],
    today: date,
    gathered: str,
) -> Evidence:
    """Join everything into one result.

    `probed` is None where no live probe was made; `since` is empty where no host was asked.
    """
    counted = connections(snapshots)
    verdicts = by_cell(model, probed or ())
    flows = [
        _flow(flow, pair, proof, counted.get(flow.id, {}), verdicts)
        for flow in model.flows
        for pair in _pairs(flow, proof)
    ]
    return Evidence(
        environment=model.fleet.environment,
        gathered=gathered,
        today=today,
        holds=proof.holds,
        obligations=len(proof.obligations),
        flows=tuple(flows),
        pairs=tuple(_zone_pairs(proof, verdicts)),
        controls=tuple(controls),
        findings=(
            *_differing(model, proof),
            *_refuted(probed or ()),
            *_uncontrolled(controls),
            *_reviews(model, today),
            *_needless(model, flows, shadowed),
        ),
        hosts=tuple(_hosts(snapshots, since)),
        rules=proof.rules,
        trust=tuple(trust(proof)),
    )


def _pairs(flow: Flow, proof: Proof) -> list[tuple[str, str]]:
    """Return the pairs of zones between which the policy has this flow; one empty pair where it compiles to nothing."""
    return [cell for cell, flows in sorted(proof.cells.items()) if flow.id in flows] or [("", "")]


def _flow(
    flow: Flow,
    pair: tuple[str, str],
    proof: Proof,
    counted: Mapping[str, Count],
    verdicts: Mapping[Cell, Sequence[Judged]],
) -> FlowEvidence:
    differs = any(each.cell == pair and (flow.id in each.flows or not each.flows) for each in proof.differences)
    return FlowEvidence(
        flow=flow.id,
        source=pair[0],
        destination=pair[1],
        services=", ".join(
            f"{each.name} {each.protocol}/{each.first}" + (f"-{each.last}" if each.last != each.first else "")
            for each in flow.services
        ),
        why=flow.why,
        owner=flow.owner,
        review_by=flow.review_by,
        where=flow.where,
        proved=NOWHERE if pair == ("", "") else DIFFERS if differs else PROVED,
        probed=summary([each for each in verdicts.get(pair, ()) if each.probe.flow == flow]),
        connections=max((count.packets for count in counted.values()), default=0),
        counted_on=dict(sorted(counted.items())),
    )


def _zone_pairs(proof: Proof, verdicts: Mapping[Cell, Sequence[Judged]]) -> Iterator[PairEvidence]:
    """Give every pair of zones, those between which nothing is allowed too: that nothing passes is the point."""
    broken: dict[str, dict[str, None]] = {}
    for obligation in proof.obligations:
        if obligation.name == "zone-pair":
            broken.setdefault(obligation.subject, {}).update((gap.kind, None) for gap in obligation.gaps)
    for source in proof.zones:
        for destination in proof.zones:
            kinds = broken.get(f"{source} → {destination}", {})
            yield PairEvidence(
                source=source,
                destination=destination,
                flows=tuple(sorted(proof.cells.get((source, destination), ()))),
                proved=f"{DIFFERS}: {', '.join(kinds)}" if kinds else PROVED,
                probed=summary(verdicts.get((source, destination), ())),
            )


def _hosts(snapshots: Mapping[str, Snapshot], since: Mapping[str, datetime | None]) -> Iterator[HostEvidence]:
    for name, snapshot in snapshots.items():
        answered = datetime.fromtimestamp(snapshot.seconds, UTC)
        yield HostEvidence(name, answered, snapshot.system, snapshot.count, since.get(name))


def _differing(model: Model, proof: Proof) -> Iterator[Finding]:
    for each in proof.differences:
        where = next((flow.where for flow in model.flows if flow.id in each.flows), _POLICY)
        text = f"{each.kind}: {each.sender} -> {each.receiver}, {each.packets}"
        yield Finding(Level.ERROR, f"reach-{each.kind}", f"{each.cell[0]} -> {each.cell[1]}", text, where)
    if not proof.differences:
        for obligation in proof.obligations:
            if not obligation.holds:
                text = f"{obligation.name} does not hold"
                yield Finding(Level.ERROR, "obligation", obligation.subject, text, _POLICY)


def _refuted(probed: Iterable[Judged]) -> Iterator[Finding]:
    for each in probed:
        if not each.verdict.passed:
            where = each.probe.flow.where if each.probe.flow is not None else _POLICY
            level = Level.WARNING if each.verdict is Verdict.INCONCLUSIVE else Level.ERROR
            yield Finding(level, "probe", each.probe.source, str(each), where)


def _uncontrolled(controls: Iterable[ControlEvidence]) -> Iterator[Finding]:
    for each in controls:
        for text in each.findings:
            yield Finding(Level.ERROR, f"control-{each.control}", each.host, text, each.host)


def _reviews(model: Model, today: date) -> Iterator[Finding]:
    for flow in model.flows:
        if flow.review_by < today:
            text = f"its review was due on {flow.review_by}: {flow.owner} looks at it again, and sets a new day"
            yield Finding(Level.ERROR, "review-past", flow.id, text, flow.where)
        elif flow.review_by <= today + SOON:
            text = f"its review is due on {flow.review_by} ({flow.owner})"
            yield Finding(Level.NOTE, "review-soon", flow.id, text, flow.where)


def _needless(model: Model, flows: Iterable[FlowEvidence], shadowed: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    places = {flow.id: flow.where for flow in model.flows}
    for flow, host in shadowed:
        text = f"its rules on {host} do nothing: other rules decide the same for all of its packets"
        yield Finding(Level.NOTE, "shadowed", flow, text, places.get(flow, _POLICY))
    for flow in dict.fromkeys(each.flow for each in flows if not each.connections and each.proved != NOWHERE):
        text = "no connection was opened by it since the rules were loaded"
        yield Finding(Level.NOTE, "unused", flow, text, places[flow])
