"""A decision tree over rules: however many there are, a packet meets few.

All rules accept, so their order does not matter, and each rule is complete by itself: it would be right anywhere. The
tree only decides which rules a packet is shown. One test of the tree costs a packet one rule, whichever way it goes.

A packet is a point in three dimensions: source, destination and service. A node halves the rules by a cut in one of
them where that works. Rules over overlapping groups cannot always be parted so; then the test is whether the packet is
in the union of half of the rules (a set of pairs or triples, as ipset has them). From this follows the bound:
2 ** (budget - 1) rules fit into a depth of `budget`. It does not hold where no cut parts the rules and the union would
be too long to list: for sources and destinations that overlap, on ranges of many ports that overlap as well. Such rules
stand in longer rows, and packets meet more of them.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from network.compile.addresses import Spans, joined
from network.model import Address

LINEAR: Final = 8
"""Up to so many rules stand in a row, where the budget allows it: that is easier to read than a tree."""

MEMBERS: Final = 128
"""The most members that a set of pairs or triples may have for each of its rules."""

COPIES: Final = 20
"""How often a rule may stand in a tree, on average: what a cut does not part stands on both sides of it."""

COMPARED: Final = 300
"""Up to so many rules are compared with each other to drop those that others make superfluous (it takes n² steps)."""

Side = Literal["source", "destination"]


@dataclass(frozen=True)
class Box:
    """The packets of one rule. `service` counts TCP ports from 0 and UDP ports from 65536.

    The open flags say that a side is everything outside some networks: no test ever lists such a side. `sent_to` is
    the public address that the rule demands packets to have been sent to.
    """

    source: Spans
    destination: Spans
    service: Spans
    open_source: bool = False
    open_destination: bool = False
    sent_to: Address | None = None


@dataclass(frozen=True)
class InAddresses:
    """Whether an address of the packet lies in the spans."""

    side: Side
    spans: Spans


@dataclass(frozen=True)
class InService:
    """Whether the packet's service lies in the range, which is of one protocol. A whole protocol names no port."""

    first: int
    last: int


@dataclass(frozen=True)
class InUnion:
    """Whether the packet lies in one of the boxes, looking at some of their dimensions only."""

    dimensions: tuple[str, ...]
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class WasSentTo:
    """Whether the packet was sent to the address, before its destination was translated."""

    address: Address


Test = InAddresses | InService | InUnion | WasSentTo


@dataclass(frozen=True)
class Leaf:
    """Rules (by number) that a packet is shown one after the other."""

    rules: tuple[int, ...]


@dataclass(frozen=True)
class Split:
    """A test, and what a packet is shown that passes it or does not."""

    test: Test
    yes: "Node"
    no: "Node"


Node = Leaf | Split


def depth(node: Node) -> int:
    """Return the most tests and rules that a packet meets."""
    if isinstance(node, Leaf):
        return len(node.rules)
    return 1 + max(depth(node.yes), depth(node.no))


def build(boxes: Sequence[Box], budget: int) -> Node:
    """Return the tree for the rules of these packets, at most `budget` deep for 2 ** (budget - 1) rules or fewer.

    Rules that demand a public address part first from those that demand another, or none: within their boxes they do
    not let all packets through, and so must not pass for rules that do.
    """
    publics = dict.fromkeys(box.sent_to for box in boxes)
    everything = tuple(range(len(boxes)))
    builder = _Builder(boxes)
    if len(boxes) <= min(LINEAR, budget):
        return Leaf(everything)
    if len(publics) <= 1:
        return builder.node(everything, None, budget, COPIES)
    demanded = [public for public in publics if public is not None]
    budget -= len(demanded)
    node = builder.node(tuple(rule for rule in everything if boxes[rule].sent_to is None), None, budget, COPIES)
    for public in reversed(demanded):
        rules = tuple(rule for rule in everything if boxes[rule].sent_to in {None, public})
        node = Split(WasSentTo(public), builder.node(rules, None, budget, COPIES), node)
    return node


Region = tuple[int, int, int]
"""The part of the packets that reach a node: for each dimension the set of classes, as bits."""

SOURCE, DESTINATION, SERVICE = range(3)
UDP: Final = 1 << 16


class _Dimension:
    """One dimension cut into classes: packets of a class are in the same rules. A set of classes is an integer's bits.

    `orders` are the ways to line the classes up for a cut: by number, and so that rules with the same classes are
    neighbours. An open class is always last, for a test lists what is before the cut.
    """

    def __init__(self, spans: Sequence[Spans], is_open: Sequence[bool], *, ranges: bool) -> None:
        cut = list(_atoms(spans))
        members: dict[object, list[tuple[int, int]]] = {}
        rules_of: list[int] = []
        for position, (low, high, rules) in enumerate(cut):
            # Ports are tested by range, so there a class is one range.
            key = position if ranges else rules
            if key not in members:
                members[key] = []
                rules_of.append(rules)
            members[key].append((low, high))
        closed = sum(1 << rule for rule, flag in enumerate(is_open) if not flag)
        order = sorted(range(len(rules_of)), key=lambda index: not rules_of[index] & closed)
        listed = list(members.values())
        self.spans: list[Spans] = [tuple(listed[index]) for index in order]
        self.closed = [bool(rules_of[index] & closed) for index in order]
        self.masks = [0] * len(spans)
        for position, index in enumerate(order):
            for rule in _bits(rules_of[index]):
                self.masks[rule] |= 1 << position
        alike = sorted(
            range(len(order)), key=lambda position: (not self.closed[position], *_bits(rules_of[order[position]]))
        )
        self.orders = [list(range(len(order)))] if ranges else [list(range(len(order))), alike]
        self.everything = (1 << len(order)) - 1

    def of(self, classes: int) -> Spans:
        """Return the spans of some classes, in order, joined where they touch."""
        return joined(span for position in _bits(classes) for span in self.spans[position])


@dataclass(frozen=True)
class _Cut:
    """A split under consideration: the classes on the yes side of one dimension, and how many rules go each way."""

    dimension: int
    yes: int
    worst: int
    total: int


class _Builder:
    def __init__(self, boxes: Sequence[Box]) -> None:
        self.dimensions = (
            _Dimension([box.source for box in boxes], [box.open_source for box in boxes], ranges=False),
            _Dimension([box.destination for box in boxes], [box.open_destination for box in boxes], ranges=False),
            _Dimension([box.service for box in boxes], [False] * len(boxes), ranges=True),
        )

    def node(self, rules: tuple[int, ...], region: Region | None, budget: int, copies: float) -> Node:
        if region is None:
            region = (self.dimensions[0].everything, self.dimensions[1].everything, self.dimensions[2].everything)
        rules = tuple(rule for rule in rules if all(self._part(rule, region)))
        if len(rules) <= min(LINEAR, budget):
            return Leaf(rules)
        rules = self._needed(rules, region)
        if len(rules) <= max(1, min(LINEAR, budget)):
            return Leaf(rules)
        region = self._used(rules, region)
        cut = self._best_cut(rules, region)
        left = copies * len(rules) / cut.total if cut is not None else 0
        # Halving keeps the bound, and so must a cut; where the bound is lost already, any progress will do.
        room = 1 << budget - 2 if budget > 1 and len(rules) <= 1 << budget - 1 else 3 * len(rules) // 4
        good = cut is not None and cut.worst <= room and 2 * cut.total <= 3 * len(rules)
        if cut is not None and good and left >= 1:
            return self._cut(cut, rules, region, budget, left)
        halved = self._halved(rules, region, budget, copies)
        if halved is not None:
            return halved
        return self._cut(cut, rules, region, budget, left) if cut is not None and left >= 1 else Leaf(rules)

    def _part(self, rule: int, region: Region) -> Region:
        """Return the part of a rule within a region."""
        source, destination, service = self.dimensions
        return (
            source.masks[rule] & region[0],
            destination.masks[rule] & region[1],
            service.masks[rule] & region[2],
        )

    def _used(self, rules: tuple[int, ...], region: Region) -> Region:
        """Return the part of a region that is in any rule. What is in none is denied wherever it ends up."""
        source = destination = service = 0
        for rule in rules:
            part = self._part(rule, region)
            source, destination, service = source | part[0], destination | part[1], service | part[2]
        return source, destination, service

    def _needed(self, rules: tuple[int, ...], region: Region) -> tuple[int, ...]:
        """Return the rules without those that the others cover in the region; of equals the first stays.

        A rule is covered if in two dimensions it lies within others which together hold it in the third.
        """
        if len(rules) > COMPARED:
            return rules
        parts = {rule: self._part(rule, region) for rule in rules}
        for rule in reversed(rules):
            mine = parts.pop(rule)
            if not any(_covered(mine, parts.values(), dimension) for dimension in range(3)):
                parts[rule] = mine
        return tuple(rule for rule in rules if rule in parts)

    def _best_cut(self, rules: tuple[int, ...], region: Region) -> _Cut | None:
        """Return the cut in one dimension that leaves the fewest rules on its fuller side."""
        best: _Cut | None = None
        for dimension in (SERVICE, DESTINATION, SOURCE):
            for order in self.dimensions[dimension].orders:
                cut = self._cut_in_order(rules, region, dimension, order)
                if cut is not None and (best is None or (cut.worst, cut.total) < (best.worst, best.total)):
                    best = cut
        return best

    def _cut_in_order(self, rules: tuple[int, ...], region: Region, dimension: int, order: list[int]) -> _Cut | None:
        """Return the best cut of the classes in an order, or None if there are not two to part."""
        here = self.dimensions[dimension]
        line = [position for position in order if region[dimension] >> position & 1]
        place = {position: index for index, position in enumerate(line)}
        firsts, lasts = [], []
        for rule in rules:
            places = [place[position] for position in _bits(here.masks[rule] & region[dimension])]
            firsts.append(min(places))
            lasts.append(max(places))
        firsts.sort()
        lasts.sort()
        best: tuple[int, int, int] | None = None
        for index in range(1, len(line)):
            if not here.closed[line[index - 1]]:
                break
            before, behind = bisect_left(firsts, index), len(rules) - bisect_left(lasts, index)
            if best is None or (max(before, behind), before + behind) < best[:2]:
                best = max(before, behind), before + behind, index
        if best is None:
            return None
        worst, total, index = best
        yes = sum(1 << position for position in line[:index])
        if dimension == SERVICE and _udp(here, line[index - 1]) != _udp(here, line[0]):
            # A range of ports is of one protocol: name the upper part instead.
            yes = region[dimension] & ~yes
        return _Cut(dimension, yes, worst, total)

    def _cut(self, cut: _Cut, rules: tuple[int, ...], region: Region, budget: int, copies: float) -> Split:
        rest = region[cut.dimension] & ~cut.yes
        return Split(
            self._test(cut, rest),
            self.node(rules, _replaced(region, cut.dimension, cut.yes), budget - 1, copies),
            self.node(rules, _replaced(region, cut.dimension, rest), budget - 1, copies),
        )

    def _test(self, cut: _Cut, rest: int) -> Test:
        here = self.dimensions[cut.dimension]
        spans = here.of(cut.yes)
        if cut.dimension == SERVICE:
            first, last = spans[0][0], spans[-1][1]
            if all(first // UDP != low // UDP for low, _ in here.of(rest)):
                return InService(first // UDP * UDP, first // UDP * UDP + UDP - 1)
            return InService(first, last)
        side: Side = "source" if cut.dimension == SOURCE else "destination"
        wide = _block(spans)
        if len(spans) > 1 and not any(low <= wide[1] and wide[0] <= high for low, high in here.of(rest)):
            return InAddresses(side, (wide,))
        return InAddresses(side, spans)

    def _halved(self, rules: tuple[int, ...], region: Region, budget: int, copies: float) -> Split | None:
        """Return the split into the first and the second half of the rules, or None if no set can hold the first."""
        half = len(rules) // 2
        rules = tuple(sorted(rules, key=lambda rule: self._open(self._part(rule, region))))
        parts = [self._part(rule, region) for rule in rules[:half]]
        differ = [dimension for dimension in range(3) if any(part[dimension] != region[dimension] for part in parts)]
        if differ == [SERVICE] or any(self._open(part, differ) for part in parts):
            return None
        if differ in ([SOURCE], [DESTINATION]):
            yes = 0
            for part in parts:
                yes |= part[differ[0]]
            rest = region[differ[0]] & ~yes
            test = self._test(_Cut(differ[0], yes, 0, 0), rest)
        else:
            source, destination, service = self.dimensions
            boxes = tuple(
                Box(source.of(part[SOURCE]), destination.of(part[DESTINATION]), service.of(part[SERVICE]))
                for part in parts
            )
            names = ("source", "destination", "service")
            # There is a type of set for a service with one side or with both, and none for the two sides alone.
            used = differ if SERVICE in differ else [*differ, SERVICE]
            test = InUnion(tuple(names[dimension] for dimension in used), boxes)
            if members(test) > MEMBERS * half:
                return None
        return Split(
            test,
            self.node(rules[:half], region, budget - 1, copies),
            self.node(rules[half:], region, budget - 1, copies),
        )

    def _open(self, part: Region, dimensions: Sequence[int] = (SOURCE, DESTINATION)) -> bool:
        """Tell whether a part of a rule holds an open class in one of the dimensions. Such a class is the last."""
        return any(
            not here.closed[part[dimension].bit_length() - 1]
            for dimension, here in enumerate(self.dimensions)
            if dimension in dimensions
        )


def members(test: InUnion) -> int:
    """Return about how many members a set for the test has, listed the cheaper way round."""
    return min(_listed(test, side) for side in sides(test))


def listed_side(test: InUnion) -> Side | None:
    """Return the side whose addresses are listed one by one (the other: by network); None if there is one side only."""
    if len(sides(test)) == 1:
        return None
    return min(sides(test), key=lambda side: _listed(test, side))


def sides(test: InUnion) -> tuple[Side, ...]:
    """Return the sides that a test looks at."""
    both: tuple[Side, ...] = ("source", "destination")
    return tuple(side for side in both if side in test.dimensions)


def _listed(test: InUnion, side: Side) -> int:
    other: Side = "destination" if side == "source" else "source"
    total = 0
    for box in test.boxes:
        ports = sum(high - low + 1 for low, high in box.service)
        if other in test.dimensions:
            total += ports * sum(high - low + 1 for low, high in _side(box, side)) * len(_side(box, other))
        else:
            total += ports * len(_side(box, side))
    return total


def _side(box: Box, side: Side) -> Spans:
    return box.source if side == "source" else box.destination


def _atoms(spans: Sequence[Spans]) -> Iterator[tuple[int, int, int]]:
    """Return the ranges between any two ends, if they are in a rule: (first, last, the rules as bits)."""
    changes: dict[int, int] = {}
    for rule, ranges in enumerate(spans):
        for low, high in ranges:
            changes[low] = changes.get(low, 0) ^ 1 << rule
            changes[high + 1] = changes.get(high + 1, 0) ^ 1 << rule
    current = 0
    ends = sorted(changes)
    for low, following in pairwise(ends):
        current ^= changes[low]
        if current:
            yield low, following - 1, current


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _covered(mine: Region, others: Iterable[Region], dimension: int) -> bool:
    one, other = (index for index in range(3) if index != dimension)
    missing = mine[dimension]
    for part in others:
        if not mine[one] & ~part[one] and not mine[other] & ~part[other]:
            missing &= ~part[dimension]
            if not missing:
                return True
    return False


def _replaced(region: Region, dimension: int, classes: int) -> Region:
    source, destination, service = (classes if index == dimension else region[index] for index in range(3))
    return source, destination, service


def _udp(dimension: _Dimension, position: int) -> bool:
    return dimension.spans[position][0][0] >= UDP


def _block(spans: Spans) -> tuple[int, int]:
    """Return the smallest block that is one network and holds all spans."""
    low, high = spans[0][0], spans[-1][1]
    size = (low ^ high).bit_length()
    return low >> size << size, ((low >> size) + 1 << size) - 1
