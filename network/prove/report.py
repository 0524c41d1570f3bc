"""The proof's result for a reader and for programs."""

from collections.abc import Iterator, Sequence
from typing import Any

from network.prove.claim import NAMES, Obligation
from network.prove.fleet.hop import Hop, Outcome
from network.prove.proof import TRUST, Proof
from network.prove.semantics.trace import Decision
from network.prove.story import MOST_PARTS, Story

MOST_STORIES = 8
"""More stories than this are counted, not told: the first ones usually share a cause with the rest."""

FAMILIES = {4: "IPv4", 6: "IPv6"}


def text(proof: Proof, places: Sequence[str] = ()) -> str:
    """Write the result. `places` is where the answers came from."""
    lines = [
        f"{len(proof.hosts)} hosts, {proof.rules} rules, IPv4 and IPv6" + (f" ({', '.join(places)})" if places else ""),
        "",
        "From (down) to (across), end to end:",
        *_table(_matrix(proof)),
        "  number: as many flows, and exactly those.   -: nothing allowed, and nothing gets through.",
        "",
        "Obligations:",
        *_table(_obligations(proof)),
    ]
    if proof.stories:
        lines += ["", told(proof.stories)]
    more = len(proof.stories) - len(_chosen(proof.stories))
    if more:
        lines += ["", f"{more} more counterexamples; --json has them all."]
    if proof.bounds:
        lines += [
            "",
            "Rules not expressed exactly; claims were proved with the bound that cannot make it hold wrongly:",
        ]
        lines += sorted({f"  {host} {each.table} {each.chain}: {each.rule.text}" for host, each in proof.bounds})
    lines += ["", "Taken for granted:", *(f"  - {sentence}" for sentence in trust(proof)), "", verdict(proof)]
    return "\n".join(lines)


def told(stories: Sequence[Story]) -> str:
    """Tell counterexamples in words, one for each suspect."""
    return "\n\n".join("\n".join(_story(number, story)) for number, story in enumerate(_chosen(stories), 1))


def trust(proof: Proof) -> list[str]:
    """Give what the proof takes for granted, on these hosts."""
    sentences = list(TRUST)
    if proof.unseen:
        sentences.append(
            f"no nftables rules beside iptables' on hosts without the nft program: {', '.join(proof.unseen)}"
        )
    return sentences


def verdict(proof: Proof) -> str:
    """Say in one sentence whether the proof holds."""
    broken = [obligation for obligation in proof.obligations if not obligation.holds]
    if not broken:
        return f"PROVED: all {len(proof.obligations)} obligations hold."
    names = ", ".join(dict.fromkeys(obligation.name for obligation in broken))
    return f"DOES NOT HOLD: {len(broken)} of {len(proof.obligations)} obligations are broken ({names})."


def _matrix(proof: Proof) -> list[list[str]]:
    broken: dict[tuple[str, str], set[str]] = {}
    for obligation in proof.obligations:
        if obligation.name == "zone-pair":
            start, _, end = obligation.subject.partition(" → ")
            broken.setdefault((start, end), set()).update(gap.kind.upper() for gap in obligation.gaps)
    rows = [["", *proof.zones]]
    for start in proof.zones:
        row = [start]
        for end in proof.zones:
            flows = len(proof.cells.get((start, end), ()))
            row.append("+".join(sorted(broken.get((start, end), set()))) or (str(flows) if flows else "-"))
        rows.append(row)
    return rows


def _obligations(proof: Proof) -> list[list[str]]:
    rows: list[list[str]] = []
    for name, claim in NAMES.items():
        of_name = [obligation for obligation in proof.obligations if obligation.name == name]
        if of_name:
            broken = sum(not obligation.holds for obligation in of_name)
            rows.append(["BROKEN" if broken else "holds", name, f"{len(of_name) - broken}/{len(of_name)}", claim])
    return rows


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _chosen(stories: Sequence[Story]) -> list[Story]:
    """Choose the stories to tell: one for each suspect first, so that one fault does not hide another."""
    by_suspect: dict[str, Story] = {}
    for story in stories:
        by_suspect.setdefault(story.cause.suspect, story)
    return list(by_suspect.values())[:MOST_STORIES]


def _story(number: int, story: Story) -> Iterator[str]:
    gap, obligation = story.gap, story.obligation
    wrong = "gets through and should not" if gap.kind == "extra" else "should get through and does not"
    if not story.hops:
        yield f"{number}. {obligation.name}, {obligation.subject}, {FAMILIES[gap.family]}: {story.cause.sentence}"
        return
    yield f"{number}. {obligation.name}, {obligation.subject}, {FAMILIES[gap.family]}: a packet {wrong}"
    at = f"sent by {story.sender}" if not gap.start.interface else f"put on the segment {story.sender}"
    yield f"   packet   {story.packet}   ({at})"
    for hop in story.hops:
        yield f"   {hop.host:<8} {_hop(hop)}"
        for decision in hop.decisions:
            if decision.by or decision.fate.kind == "DROP" or decision.table == "filter":
                yield f"            {_decision(decision)}"
    policy = f"flow {', '.join(story.flows)}" if story.flows else "no flow"
    yield f"   policy   {policy} has such packets here"
    yield f"   cause    {story.cause.sentence}"
    yield f"   look at  {story.cause.suspect}"
    for part in story.parts[:MOST_PARTS]:
        yield f"   all      {part}"
    if len(story.parts) > MOST_PARTS:
        yield "   all      and more"
    if not story.confirmed:
        yield "   WARNING  the step-by-step check takes this packet another way: a fault of the proof itself"


def _hop(hop: Hop) -> str:
    came = f"in by {hop.arrived.iif}" if hop.arrived.iif else "sends"
    if hop.outcome is Outcome.STOPPED:
        return f"{came}: stopped" + (f": {hop.reason}" if hop.reason else "")
    if hop.outcome is Outcome.DELIVERED:
        return f"{came}: taken in"
    return f"{came}, out by {hop.left.oif}"


def _decision(decision: Decision) -> str:
    rule = decision.by
    if rule is None:
        return f"{decision.table} {decision.chain}: its policy, {decision.fate.kind}"
    carried = f"flow {rule.flow}" if rule.flow else "no flow"
    return f"{decision.table} {decision.chain}, line {rule.line} ({carried}): {rule.text}"


def data(proof: Proof) -> dict[str, Any]:
    """Give the result as plain values."""
    return {
        "holds": proof.holds,
        "hosts": list(proof.hosts),
        "rules": proof.rules,
        "zones": list(proof.zones),
        "cells": [
            {"from": start, "to": end, "flows": sorted(flows)} for (start, end), flows in sorted(proof.cells.items())
        ],
        "obligations": [_obligation_data(obligation) for obligation in proof.obligations],
        "counterexamples": [_story_data(story) for story in proof.stories],
        "bounds": [
            {"host": host, "table": each.table, "chain": each.chain, "line": each.rule.line, "rule": each.rule.text}
            for host, each in proof.bounds
        ],
        "trust": trust(proof),
    }


def _obligation_data(obligation: Obligation) -> dict[str, Any]:
    return {
        "name": obligation.name,
        "claim": NAMES[obligation.name],
        "family": obligation.family,
        "subject": obligation.subject,
        "holds": obligation.holds,
    }


def _story_data(story: Story) -> dict[str, Any]:
    packet = story.packet
    return {
        "obligation": story.obligation.name,
        "subject": story.obligation.subject,
        "kind": story.gap.kind,
        "family": story.gap.family,
        "start": {"host": story.gap.start.host, "interface": story.gap.start.interface, "sender": story.sender},
        "packet": {
            "text": str(packet),
            "state": packet.state.name,
            "protocol": packet.protocol,
            "src": packet.src,
            "dst": packet.dst,
            "sport": packet.sport,
            "dport": packet.dport,
            "flags": packet.flags,
            "hops": packet.hops,
        },
        "hops": [_hop_data(hop) for hop in story.hops],
        "flows": list(story.flows),
        "cause": story.cause.sentence,
        "suspect": story.cause.suspect,
        "packets": list(story.parts),
        "confirmed": story.confirmed,
    }


def _hop_data(hop: Hop) -> dict[str, Any]:
    return {
        "host": hop.host,
        "in": hop.arrived.iif,
        "out": hop.left.oif,
        "outcome": hop.outcome.value,
        "reason": hop.reason,
        "left": str(hop.left),
        "decisions": [
            {
                "table": decision.table,
                "chain": decision.chain,
                "verdict": decision.fate.kind,
                "line": decision.by.line if decision.by else None,
                "rule": decision.by.text if decision.by else None,
                "flow": decision.by.flow if decision.by else None,
                "visited": [visit.rule.line for visit in decision.visits],
            }
            for decision in hop.decisions
        ],
    }
