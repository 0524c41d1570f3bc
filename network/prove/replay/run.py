"""What is replayed of a proof: its counterexamples, and samples of what it says passes and does not."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from network.check.shell import Shell
from network.prove.fleet.walk import Fleet
from network.prove.proof import Proof
from network.prove.replay.live import Replayer
from network.prove.replay.probe import Probe, of_story
from network.prove.replay.sample import Sampler
from network.prove.replay.verdict import Agreement, Replayed

MOST_STORIES = 100
"""More counterexamples than this are not sent: the first ones usually share a cause with the rest."""


@dataclass(frozen=True)
class Replay:
    """What came of a replay. `unsent` are counterexamples that are no packet to send: their name, and why."""

    replayed: tuple[Replayed, ...]
    unsent: tuple[tuple[str, str], ...]

    def of(self, agreement: Agreement) -> tuple[Replayed, ...]:
        """Give what came out so."""
        return tuple(each for each in self.replayed if each.agreement is agreement)


def replay(read: Mapping[int, Fleet], proof: Proof, shells: Mapping[str, Shell], each: int, seed: int) -> Replay:
    """Send counterexamples, and for each pair of zones `each` packets that pass and as many that do not.

    Raises RemoteError.
    """
    probes: list[Probe] = []
    unsent: list[tuple[str, str]] = []
    for number, story in enumerate(proof.stories[:MOST_STORIES], 1):
        found = of_story(read[story.gap.family], number, story)
        if isinstance(found, Probe):
            probes.append(found)
        else:
            unsent.append((f"counterexample {number}, {story.obligation.name}, {story.obligation.subject}", found))
    if len(proof.stories) > MOST_STORIES:
        unsent.append((f"{len(proof.stories) - MOST_STORIES} more", f"only the first {MOST_STORIES} are sent"))
    for fleet in read.values():
        probes += Sampler(fleet, Random(seed)).probes(each)  # noqa: S311 (which packets are tried is no secret)
    sent = Replayer(read, shells).replay(probes) if probes else []
    return Replay(tuple(sent), tuple(unsent))
