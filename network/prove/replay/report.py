"""The replay's result for a reader and for programs."""

from collections.abc import Iterator
from typing import Any

from network.prove.replay.run import Replay
from network.prove.replay.verdict import Agreement, Replayed

_MOST = 10


def text(replay: Replay, seed: int) -> str:
    """Write the result: the sum, and all that does not agree."""
    agreeing, disagreeing, open_ones = (len(replay.of(each)) for each in Agreement)
    counts = f"{agreeing} agree, {disagreeing} disagree, {open_ones} inconclusive"
    through = sum(each.probe.gets_through for each in replay.replayed)
    lines = [
        f"Replayed live, {len(replay.replayed)} packets (seed {seed}): {counts}.",
        f"  By the proof, {through} get through and {len(replay.replayed) - through} are stopped.",
    ]
    for name, reason in replay.unsent:
        lines.append(f"  not sent: {name}: {reason}")
    for agreement in (Agreement.DISAGREES, Agreement.INCONCLUSIVE):
        found = replay.of(agreement)
        for each in found[:_MOST]:
            lines += _told(each)
        if len(found) > _MOST:
            lines.append(f"  {len(found) - _MOST} more {agreement.value}; --json has them all.")
    if replay.of(Agreement.DISAGREES):
        lines.append("THE KERNEL DISAGREES: the proof says of these packets what does not happen. Do not rely on it.")
    return "\n".join(lines)


def _told(each: Replayed) -> Iterator[str]:
    probe = each.probe
    yield f"  {each.agreement.name}  {probe.name}"
    yield f"    packet  {probe.packet}   ({_where(each)})"
    if each.model:
        yield f"    proof   {each.model}"
    yield f"    kernel  {each.kernel}"


def _where(each: Replayed) -> str:
    start = each.probe.start
    return f"put on the link before {start.host} {start.interface}" if start.interface else f"sent by {start.host}"


def data(replay: Replay, seed: int) -> dict[str, Any]:
    """Give the result as plain values."""
    return {
        "seed": seed,
        **{agreement.value: len(replay.of(agreement)) for agreement in Agreement},
        "packets": [
            {
                "name": each.probe.name,
                "packet": str(each.probe.packet),
                "start": {"host": each.probe.start.host, "interface": each.probe.start.interface},
                "gets_through": each.probe.gets_through,
                "open": each.probe.open,
                "agreement": each.agreement.value,
                "proof": each.model,
                "kernel": each.kernel,
            }
            for each in replay.replayed
        ],
        "unsent": [{"name": name, "reason": reason} for name, reason in replay.unsent],
    }
