"""What a probe means. A denial counts only when it is proven: everything short of that is inconclusive, and no pass."""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What follows from an observation. Only the first two are as they should be."""

    OPEN = "open, as declared"
    DENIED = "denied, as declared, and proven"
    LEAK = "open, but no flow allows it"
    BLOCKED = "denied, but a flow allows it"
    INCONCLUSIVE = "inconclusive"

    @property
    def passed(self) -> bool:
        """Whether the network did what the policy says, and that is known."""
        return self in {Verdict.OPEN, Verdict.DENIED}


@dataclass(frozen=True)
class Observation:
    """What was seen of one probe.

    `outcome` is the agent's word (connected, refused, prohibited, timeout, error: …). `canary`: the source reached
    something it is allowed to, in the same run. `listening`: the target's door was open, seen on the target itself.
    `arrived`: the target's listener saw the probe. `counted`: the deny counter of the host that ought to deny rose by
    at least the number of probes that it ought to have denied.
    """

    outcome: str
    canary: bool
    listening: bool
    arrived: bool
    counted: bool


def decide(*, allowed: bool, denial: str, seen: Observation) -> tuple[Verdict, str]:
    """Return the verdict and its reason. `denial` is the outcome by which a denial shows: prohibited or timeout.

    The order is the point: whatever got through is a leak, however little else is known of it.
    """
    if seen.outcome == "connected":
        return (Verdict.OPEN if allowed else Verdict.LEAK), "connected"
    if seen.arrived and not allowed:
        return Verdict.LEAK, f"{seen.outcome}, but the packet arrived"
    doubts = [
        doubt
        for doubt, present in (
            ("the source reaches nothing at all", not seen.canary),
            ("nothing listens there", not seen.listening),
            (f"a denial shows as {denial}", not allowed and seen.outcome != denial),
            ("the deny counter did not rise", not allowed and not seen.counted),
        )
        if present
    ]
    if doubts:
        return Verdict.INCONCLUSIVE, f"{seen.outcome}, but {'; '.join(doubts)}"
    return (Verdict.BLOCKED if allowed else Verdict.DENIED), seen.outcome
