"""From what was seen to what it says. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from network.check.matrix import Judged
from network.evidence.counters import Count
from network.evidence.result import ControlEvidence, Evidence, Finding, FlowEvidence, Level
from network.model import Flow, Model
from network.prove.proof import Proof
from network.prove.report import trust

# Reviews that are due this soon are told of.
SOON = timedelta(days=30)

_POLICY = "network/policy.yml"

PROVED, DIFFERS, NOWHERE = "holds", "differs", "carries nothing here"


def evidence(
    model: Model,
    proof: Proof,
    *,
    counted: Mapping[str, Mapping[str, Count]],
    shadowed: Iterable[tuple[str, str]],
    probed: Sequence[Judged] | None,
    controls: Sequence[ControlEvidence],
    today: date,
    gathered: str,
) -> Evidence:
    """Join everything into one result. `probed` is None where no live probe was made."""
    flows = [
        _flow(flow, pair, proof, counted.get(flow.id, {}), probed)
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
        controls=tuple(controls),
        findings=(
            *_differing(model, proof),
            *_refuted(probed or ()),
            *_uncontrolled(controls),
            *_reviews(model, today),
            *_needless(model, flows, shadowed),
        ),
        hosts=proof.hosts,
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
    probed: Sequence[Judged] | None,
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
        probed=_probed(flow, probed),
        connections=max((count.packets for count in counted.values()), default=0),
        counted_on=dict(sorted(counted.items())),
    )


def _probed(flow: Flow, probed: Sequence[Judged] | None) -> str:
    seen = Counter(
        each.verdict for each in probed or () if each.probe.flow is not None and each.probe.flow.id == flow.id
    )
    return ", ".join(f"{count} {verdict.value}" for verdict, count in seen.items())


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
            yield Finding(Level.ERROR, "probe", each.probe.source, str(each), where)


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
