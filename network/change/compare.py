"""Two models compared: what is newly allowed and newly denied, and what else the hosts and the reviewers would see."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from network.change.admission import Admission, Admitted, admissions, beyond
from network.change.files import HostFiles, changed_files
from network.change.notes import Note, notes
from network.model import HttpGuard, Model
from network.prove import describe
from network.prove.engine.diagram import Diagrams
from network.prove.engine.intervals import Intervals
from network.prove.semantics.layout import Field, sizes
from network.prove.syntax.addresses import print_address
from network.prove.world import outside


@dataclass(frozen=True)
class Reach:
    """Packets that one flow newly allows, or that it no longer does, in words.

    `sources` and `destinations` are every range there is; `source` and `destination` are words for them, which may be
    shorter. `taken_to`: where a published address leads. `requests`: the packets pass before and after, and it is the
    requests in them, by their `guard`, that differ. `cell` is the pair of zones.
    """

    allowed: bool
    requests: bool
    family: int
    cell: tuple[str, str]
    service: str
    source: str
    destination: str
    taken_to: str | None
    guard: HttpGuard | None
    flow: str
    sources: tuple[str, ...]
    destinations: tuple[str, ...]

    @property
    def widens(self) -> bool:
        """Whether more gets through than before."""
        return self.allowed


@dataclass(frozen=True)
class Change:
    """All that a change of policy or inventory changes. `reach` is in the order of families and flows."""

    reach: tuple[Reach, ...]
    notes: tuple[Note, ...]
    files: tuple[HostFiles, ...]

    @property
    def widens(self) -> bool:
        """Whether anything gets through that did not before."""
        return any(each.widens for each in self.reach)


def compare(before: Model, after: Model) -> Change:
    """Compare what two models mean. Raises UserError where one asks for what a host cannot be given."""
    reach = [each for family in (4, 6) for each in _reach(before, after, family)]
    return Change(tuple(reach), tuple(notes(before, after)), tuple(changed_files(before, after)))


def _reach(before: Model, after: Model, family: int) -> Iterator[Reach]:
    diagrams = Diagrams(sizes(family))
    old, new = (admissions(model, family, diagrams) for model in (before, after))
    for allowed, model, pair in ((True, after, (new, old)), (False, before, (old, new))):
        words = _Words(model, family, diagrams)
        for each in beyond(*pair, diagrams):
            yield from words.reach(each, allowed=allowed)


class _Words:
    """Says of packets who sends them to whom, with the names that the model has for them."""

    def __init__(self, model: Model, family: int, diagrams: Diagrams) -> None:
        self._family = family
        self._diagrams = diagrams
        self._outside = outside(model, family)
        self._names = {
            int(leg.address): host.name
            for host in model.fleet.hosts.values()
            for leg in host.legs
            if leg.address.version == family
        }

    def reach(self, admitted: Admitted, *, allowed: bool) -> Iterator[Reach]:
        by: Admission = admitted.by
        for box in self._diagrams.boxes(admitted.packets):
            yield Reach(
                allowed=allowed,
                requests=admitted.requests,
                family=self._family,
                cell=by.cell,
                service=describe.service(box),
                source=self._named(box[Field.SRC]),
                destination=self._named(box[Field.DST]),
                taken_to=None if by.taken_to is None else self._named(by.taken_to),
                guard=by.guard,
                flow=by.flow,
                sources=self._ranges(box[Field.SRC]),
                destinations=self._ranges(box[Field.DST]),
            )

    def _named(self, intervals: Intervals) -> str:
        if intervals == self._outside:
            return "anywhere outside"
        words = describe.ranges(intervals, self._family)
        names = [self._names.get(first) if first == last else None for first, last in intervals]
        known = list(dict.fromkeys(name for name in names if name is not None))
        if len(intervals) <= describe.MOST_PIECES and None not in names:
            return f"{words} ({', '.join(known)})"
        return words

    def _ranges(self, intervals: Intervals) -> tuple[str, ...]:
        shown = ((print_address(first, self._family), print_address(last, self._family)) for first, last in intervals)
        return tuple(first if first == last else f"{first}-{last}" for first, last in shown)


def by_cell(reach: Iterable[Reach]) -> dict[tuple[str, str], tuple[list[str], list[str]]]:
    """Give the services newly allowed and newly denied for each pair of zones."""
    found: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for each in reach:
        services = found.setdefault(each.cell, ([], []))[not each.allowed]
        if each.service not in services:
            services.append(each.service)
    return found
