"""What a policy admits, as sets of packets that can be subtracted: the meaning of a model, apart from its wording."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from network.model import HttpGuard, Model
from network.prove.engine.diagram import EMPTY, Diagrams, Node
from network.prove.engine.intervals import Intervals
from network.prove.intent import Travel, travels
from network.prove.semantics.layout import Field, one

Guard = HttpGuard | None
"""What a request must be beside coming through the packet filter; None where nothing looks at requests."""


@dataclass(frozen=True)
class Admission:
    """What one flow admits between two zones: the packets as they are sent, and the requests that get any further.

    `taken_to`: where the first firewall sends them on to (publish); None where they go where they are addressed.
    """

    flow: str
    cell: tuple[str, str]
    taken_to: Intervals | None
    guard: Guard
    packets: Node


@dataclass(frozen=True)
class Admitted:
    """Packets that a flow admits under one of two policies only.

    `requests`: the packets pass under both, and it is the requests in them that differ.
    """

    by: Admission
    packets: Node
    requests: bool


def admissions(model: Model, family: int, diagrams: Diagrams) -> tuple[Admission, ...]:
    """Give what every flow admits in one family, in the order of the policy."""
    found: dict[tuple[str, tuple[str, str], Intervals | None, Guard], list[Node]] = {}
    for travel in travels(model, family):
        taken_to = travel.forms[-1].destinations if travel.offered else None
        key = travel.flow.id, (travel.journey.start, travel.journey.end), taken_to, travel.flow.http
        found.setdefault(key, []).append(_packets(travel, diagrams))
    return tuple(Admission(*key, diagrams.unite(nodes)) for key, nodes in found.items())


def _packets(travel: Travel, diagrams: Diagrams) -> Node:
    form = travel.forms[0]
    return diagrams.box(
        {
            Field.PROTO: one(form.protocol),
            Field.DST: form.destinations,
            Field.DPORT: (form.ports,),
            Field.SRC: form.sources,
        }
    )


def beyond(new: Iterable[Admission], old: Iterable[Admission], diagrams: Diagrams) -> Iterator[Admitted]:
    """Give what the new admissions have that the old ones lack: packets first, then requests in packets of both.

    Every packet is given once, for the first flow that admits it.
    """
    having, lacking = _by_way(new), _by_way(old)
    for way, some in having.items():
        known = lacking.get(way, ())
        earlier = diagrams.unite([each.packets for each in known])
        later = diagrams.unite([each.packets for each in some])
        yield from _shared_out(some, diagrams.difference(later, earlier), diagrams, requests=False)
        # A request that another flow admits unguarded is not new, and one that is not looked at hides all others.
        unguarded, free = _with_guard(known, None, diagrams), _with_guard(some, None, diagrams)
        for guard in dict.fromkeys(each.guard for each in some):
            both = diagrams.intersect(_with_guard(some, guard, diagrams), earlier)
            fresh = diagrams.difference(diagrams.difference(both, unguarded), _with_guard(known, guard, diagrams))
            if guard is not None:
                fresh = diagrams.difference(fresh, free)
            guarded = [each for each in some if each.guard == guard]
            yield from _shared_out(guarded, fresh, diagrams, requests=True)


def _by_way(some: Iterable[Admission]) -> Mapping[Intervals | None, list[Admission]]:
    """Sort admissions by where their packets are taken to: to another host is another thing, at the same address."""
    found: dict[Intervals | None, list[Admission]] = {}
    for each in some:
        found.setdefault(each.taken_to, []).append(each)
    return found


def _with_guard(some: Iterable[Admission], guard: Guard, diagrams: Diagrams) -> Node:
    return diagrams.unite([each.packets for each in some if each.guard == guard])


def _shared_out(some: Iterable[Admission], left: Node, diagrams: Diagrams, *, requests: bool) -> Iterator[Admitted]:
    for each in some:
        part = diagrams.intersect(each.packets, left)
        if part != EMPTY:
            yield Admitted(each, part, requests)
            left = diagrams.difference(left, part)
