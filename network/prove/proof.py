"""The whole proof: every obligation in both families, with its counterexamples, and what it rests on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from network.errors import Problem, UserError
from network.model import Model
from network.prove.claim import Difference, Gap, Obligation, Start
from network.prove.endtoend import Cell, EndToEnd
from network.prove.engine.diagram import FULL
from network.prove.fleet.snapshot import IncompleteError, Snapshot, parse_snapshot
from network.prove.fleet.walk import Fleet
from network.prove.policy import Policy
from network.prove.semantics.chains import Approximation
from network.prove.semantics.layout import State
from network.prove.stages import Stages
from network.prove.states import States
from network.prove.story import Story, Teller

MOST_SECONDS_APART = 300
"""Answers whose clocks are further apart than this do not describe one moment."""

OLDEST_KERNEL = (5, 3)

TRUST = (
    "the kernels carry out the rules and routes that they print; the tests compare random rules with a running kernel",
    "conntrack calls a packet ESTABLISHED or RELATED only if it belongs to a connection whose first packet was let "
    "through; it is enabled wherever a rule asks for it, and puts fragments together",
    "address translation finds a free port, and keeps to its choice for the whole connection",
    "no packet is changed or redirected by what is not asked for: eBPF and traffic control programs, XDP, bridges' "
    "own filters, IPsec, multicast routing, network namespaces on the hosts",
    "a host answers for its own addresses alone on a link; on one segment, hosts can forge one another's addresses",
    "the switches and the hypervisor keep the segments of different zones apart",
    "nothing has changed since the hosts answered",
)
"""What the proof takes for granted."""


@dataclass(frozen=True)
class Proof:
    """The result. `cells` maps pairs of zones to the flows between them. `bounds` are rules not expressed exactly.

    `differences` are those from end to end, by the ends that they are between. `rules` counts those read; `unseen` are
    hosts on which native nftables could not be looked for.
    """

    obligations: tuple[Obligation, ...]
    stories: tuple[Story, ...]
    zones: tuple[str, ...]
    cells: Mapping[Cell, frozenset[str]]
    differences: tuple[Difference, ...]
    bounds: tuple[tuple[str, Approximation], ...]
    hosts: tuple[str, ...]
    rules: int
    unseen: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether every obligation does."""
        return all(obligation.holds for obligation in self.obligations)


def pathless(name: str) -> Obligation:
    """Give the broken obligation of a host to which no flow leads operators."""
    gap = Gap("missing", 4, State.NEW, Start(name), FULL, "no flow lets operators reach this host with SSH")
    return Obligation("operator-path", 4, name, (gap,))


def required_hosts(model: Model) -> tuple[str, ...]:
    """Give the hosts that must be asked: all but those that stand in the world outside alone.

    Those are strangers to the proof: whatever they send is taken to be possible, and what they take in is their affair.
    """
    untrusted = model.fleet.untrusted.name
    return tuple(name for name, host in model.fleet.hosts.items() if set(host.zones) != {untrusted})


def read_snapshots(model: Model, texts: Mapping[str, str], places: Mapping[str, str]) -> dict[str, Snapshot]:
    """Read the hosts' answers; `places` are their files, for messages.

    Raises UserError with what cannot be read, and IncompleteError where a host is missing or beyond the model.
    """
    gaps: list[Problem] = []
    unreadable: list[Problem] = []
    found: dict[str, Snapshot] = {}
    for name in required_hosts(model):
        if name not in texts:
            gaps.append(
                Problem(
                    name,
                    "this host has not answered",
                    "every host of the fleet must be known: nothing is proved on partial knowledge",
                    "gather again, or add its saved answer to the directory",
                )
            )
            continue
        try:
            found[name] = parse_snapshot(texts[name], name, places[name])
        except IncompleteError as error:
            gaps += error.problems
        except UserError as error:
            unreadable += error.problems
    gaps += _clocks(found)
    gaps += _old_kernels(found)
    if unreadable:
        raise UserError(*unreadable, *gaps)
    if gaps:
        raise IncompleteError(*gaps)
    return found


def _old_kernels(snapshots: Mapping[str, Snapshot]) -> list[Problem]:
    """Name hosts whose kernel treats 0.0.0.0/8 as no addresses, which the model does not."""
    problems: list[Problem] = []
    for name, snapshot in snapshots.items():
        match = re.match(r"Linux (\d+)\.(\d+)", snapshot.system)
        if match is None or (int(match[1]), int(match[2])) < OLDEST_KERNEL:
            problems.append(
                Problem(
                    f"{snapshot.where}:2",
                    f"the system is {snapshot.system or 'not known'}",
                    f"the model is that of Linux {OLDEST_KERNEL[0]}.{OLDEST_KERNEL[1]} and newer",
                    f"{name} cannot be proved before it runs a newer kernel",
                )
            )
    return problems


def _clocks(snapshots: Mapping[str, Snapshot]) -> list[Problem]:
    if not snapshots:
        return []
    first = min(snapshots.values(), key=lambda snapshot: snapshot.seconds)
    last = max(snapshots.values(), key=lambda snapshot: snapshot.seconds)
    apart = last.seconds - first.seconds
    if apart <= MOST_SECONDS_APART:
        return []
    return [
        Problem(
            f"{first.host}, {last.host}",
            f"by their clocks, these hosts answered {apart} s apart",
            f"all answers must be of one moment, within {MOST_SECONDS_APART} s: else they describe no state at all",
            "gather all hosts again in one run; if that does not help, set their clocks",
        )
    ]


def fleets(
    model: Model, snapshots: Mapping[str, Snapshot], earlier: Mapping[int, Fleet] | None = None
) -> dict[int, Fleet]:
    """Read the hosts in both families; see `Fleet`. Raises IncompleteError for what the model cannot express."""
    return {family: Fleet(model, snapshots, family, earlier[family] if earlier else None) for family in (4, 6)}


def prove(read: Mapping[int, Fleet]) -> Proof:
    """Prove or refute that what is loaded on the hosts lets through what the policy allows, and nothing else."""
    model, snapshots = read[4].model, read[4].snapshots
    obligations: list[Obligation] = []
    stories: list[Story] = []
    cells: dict[Cell, set[str]] = {}
    differences: list[Difference] = []
    bounds: list[tuple[str, Approximation]] = []
    segments: dict[str, None] = {}
    ways: set[str] = set()
    for fleet in read.values():
        policy = Policy(fleet)
        teller = Teller(fleet, policy)
        ends = EndToEnd(fleet, policy)
        for claim in (ends, Stages(fleet, policy), States(fleet, policy)):
            for obligation in claim.prove():
                obligations.append(obligation)
                stories += (teller.tell(obligation, gap) for gap in obligation.gaps)
        for cell, flows in ends.matrix.flows.items():
            cells.setdefault(cell, set()).update(flows)
        differences += ends.differences
        segments.update(dict.fromkeys(fleet.segments))
        ways |= {each.subject for each in obligations if each.name == "operator-path"}
        for name, machine in fleet.machines.items():
            bounds += ((name, each) for each in machine.semantics.approximations.values())
    teller = Teller(read[4], Policy(read[4]))
    for name in (name for name in snapshots if name not in ways):
        obligations.append(pathless(name))
        gap = obligations[-1].gaps[0]
        stories.append(teller.tell(obligations[-1], gap))
    return Proof(
        obligations=tuple(obligations),
        stories=tuple(stories),
        zones=tuple(dict.fromkeys((*model.fleet.zones, *segments))),
        cells={cell: frozenset(flows) for cell, flows in cells.items()},
        differences=tuple(differences),
        bounds=tuple(bounds),
        hosts=tuple(snapshots),
        rules=sum(snapshot.count for snapshot in snapshots.values()),
        unseen=tuple(name for name, snapshot in snapshots.items() if not snapshot.native_seen),
    )
