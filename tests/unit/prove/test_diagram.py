"""The decision diagrams against sets of tuples, on fields so small that every packet can be tried."""

from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from network.prove.engine.diagram import EMPTY, FULL, Diagrams, Node, leaf
from network.prove.engine.intervals import (
    Intervals,
    complement,
    contains,
    count,
    difference,
    intersect,
    overlaps,
    union,
)

SIZES = (3, 7, 5)
PACKETS = list(product(*(range(size) for size in SIZES)))
Packets = frozenset[tuple[int, ...]]


def intervals(size: int) -> st.SearchStrategy[Intervals]:
    pairs = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)).map(sorted).map(tuple)
    return st.lists(pairs, max_size=3).map(union)  # type: ignore[arg-type]


boxes = st.lists(st.fixed_dictionaries({}, optional={f: intervals(size) for f, size in enumerate(SIZES)}), max_size=5)


def build(diagrams: Diagrams, some: list[dict[int, Intervals]]) -> tuple[Node, Packets]:
    packets = frozenset(p for p in PACKETS if any(all(contains(v, p[f]) for f, v in box.items()) for box in some))
    return diagrams.unite([diagrams.box(box) for box in some]), packets


def members(diagrams: Diagrams, node: Node) -> Packets:
    return frozenset(packet for packet in PACKETS if diagrams.mask(node, packet))


@settings(max_examples=150, deadline=None)
@given(boxes, boxes)
def test_operations_are_those_of_sets(left: list[dict[int, Intervals]], right: list[dict[int, Intervals]]) -> None:
    diagrams = Diagrams(SIZES)
    a, in_a = build(diagrams, left)
    b, in_b = build(diagrams, right)
    assert members(diagrams, diagrams.union(a, b)) == in_a | in_b
    assert members(diagrams, diagrams.intersect(a, b)) == in_a & in_b
    assert members(diagrams, diagrams.difference(a, b)) == in_a - in_b
    assert members(diagrams, diagrams.complement(a)) == frozenset(PACKETS) - in_a
    assert (a == b) == (in_a == in_b)
    assert diagrams.count(a) == len(in_a)


@settings(max_examples=150, deadline=None)
@given(boxes, st.integers(0, 2), intervals(3))
def test_images_and_preimages(some: list[dict[int, Intervals]], field: int, values: Intervals) -> None:
    diagrams = Diagrams(SIZES)
    node, packets = build(diagrams, some)

    def overwritten(packet: tuple[int, ...], value: int) -> tuple[int, ...]:
        return (*packet[:field], value, *packet[field + 1 :])

    assert members(diagrams, diagrams.assign(node, {field: 2})) == {p for p in PACKETS if overwritten(p, 2) in packets}
    possible = [value for value in range(SIZES[field]) if contains(values, value)]
    if possible:
        may = diagrams.choose(node, field, values, diagrams.union)
        must = diagrams.choose(node, field, values, diagrams.intersect)
        assert members(diagrams, may) == {p for p in PACKETS if any(overwritten(p, v) in packets for v in possible)}
        assert members(diagrams, must) == {p for p in PACKETS if all(overwritten(p, v) in packets for v in possible)}
    taken = {packet[field] for packet in packets}
    assert {v for v in range(SIZES[field]) if contains(diagrams.project(node, field), v)} == taken
    lowered = diagrams.lower(node, field, 1)
    assert members(diagrams, lowered) == {p for p in PACKETS if overwritten(p, max(0, p[field] - 1)) in packets}
    forgotten = diagrams.forget(node, field)
    assert members(diagrams, forgotten) == {p for p in PACKETS for q in packets if overwritten(q, p[field]) == p}


@settings(max_examples=100, deadline=None)
@given(boxes)
def test_witness_is_the_smallest_and_boxes_are_the_set(some: list[dict[int, Intervals]]) -> None:
    diagrams = Diagrams(SIZES)
    node, packets = build(diagrams, some)
    assert diagrams.witness(node) == (min(packets) if packets else None)
    preferred = diagrams.witness(node, {1: [((6, 6),), ((4, 5),)]})
    if preferred is not None:
        first = [packet for packet in packets if packet[0] == preferred[0]]
        best = [p for p in first if p[1] == 6] or [p for p in first if p[1] in {4, 5}] or first
        assert preferred in best
    parts = [{p for p in PACKETS if all(contains(v, p[f]) for f, v in box.items())} for box in diagrams.boxes(node)]
    assert frozenset().union(*parts) == packets
    assert sum(map(len, parts)) == len(packets)


@settings(max_examples=100, deadline=None)
@given(intervals(12), intervals(12))
def test_intervals_are_sets_of_numbers(left: Intervals, right: Intervals) -> None:
    def held(some: Intervals) -> set[int]:
        return {value for value in range(12) if contains(some, value)}

    assert held(union((*left, *right))) == held(left) | held(right)
    assert held(intersect(left, right)) == held(left) & held(right)
    assert held(difference(left, right)) == held(left) - held(right)
    assert held(complement(left, 12)) == set(range(12)) - held(left)
    assert overlaps(left, right) == bool(held(left) & held(right))
    assert count(left) == len(held(left))
    assert all(one[1] + 1 < other[0] for one, other in pairwise(left))


def test_renaming_keeps_the_order_or_is_refused() -> None:
    diagrams = Diagrams((4, 4, 4))
    node = diagrams.box({0: ((1, 1),), 2: ((2, 3),)})
    assert diagrams.rename(node, {2: 1}) == diagrams.box({0: ((1, 1),), 1: ((2, 3),)})
    with pytest.raises(ValueError, match="field 0 would come after field 1"):
        diagrams.rename(diagrams.box({0: ((1, 1),), 1: ((1, 1),)}), {0: 1, 1: 0})


def test_equal_neighbours_are_joined() -> None:
    diagrams = Diagrams((10,))
    assert diagrams.node(0, [3, 5, 10], [leaf(1), leaf(1), leaf(0)]) == diagrams.split(0, ((0, 4),), FULL, EMPTY)
    assert diagrams.node(0, [3, 10], [FULL, FULL]) == FULL
