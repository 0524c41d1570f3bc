"""The decision tree by itself: it shows a packet every rule that takes it, and not many others."""

from dataclasses import replace
from ipaddress import ip_address
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from network.compile.tree import UDP, Box, InAddresses, InService, Leaf, Node, Split, Test, WasSentTo, build, depth

Point = tuple[int, int, int]
EDGE = 1 << 16


def spans(random: Random, limit: int, most: int) -> tuple[tuple[int, int], ...]:
    """Return a few ranges that do not touch."""
    ends = sorted(random.sample(range(0, limit, 2), 2 * random.randint(1, most)))
    return tuple((low, high - 1) for low, high in zip(ends[::2], ends[1::2], strict=True))


def boxes(random: Random, number: int) -> list[Box]:
    """Return rules over groups that overlap."""
    groups = [spans(random, 60, 4) for _ in range(12)]
    return [
        Box(
            random.choice(groups),
            random.choice(groups),
            ((port := random.choice((0, UDP)) + random.randrange(20), port),),
        )
        for _ in range(number)
    ]


def holds(box: Box, point: Point) -> bool:
    return all(
        any(low <= place <= high for low, high in side)
        for side, place in zip((box.source, box.destination, box.service), point, strict=True)
    )


def passes(test: Test, point: Point) -> bool:
    if isinstance(test, InAddresses):
        return any(low <= point[0 if test.side == "source" else 1] <= high for low, high in test.spans)
    if isinstance(test, InService):
        assert test.first // UDP == test.last // UDP
        return test.first <= point[2] <= test.last
    assert not isinstance(test, WasSentTo)
    return any(
        all(
            any(low <= place <= high for low, high in side)
            for name, side, place in zip(
                ("source", "destination", "service"), (box.source, box.destination, box.service), point, strict=True
            )
            if name in test.dimensions
        )
        for box in test.boxes
    )


def shown(node: Node, point: Point) -> tuple[int, ...]:
    while not isinstance(node, Leaf):
        node = node.yes if passes(node.test, point) else node.no
    return node.rules


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), number=st.integers(0, 120), spare=st.integers(0, 4))
def test_a_packet_is_shown_a_rule_that_takes_it(seed: int, number: int, spare: int) -> None:
    random = Random(seed)  # noqa: S311 the same each time
    rules = boxes(random, number)
    budget = max(1, number - 1).bit_length() + 1 + spare
    tree = build(rules, budget)
    assert depth(tree) <= budget
    for _ in range(100):
        point = random.randrange(60), random.randrange(60), random.choice((0, UDP)) + random.randrange(20)
        taken = any(holds(rule, point) for rule in rules)
        assert taken == any(holds(rules[rule], point) for rule in shown(tree, point))


@pytest.mark.parametrize("number", [1, 8])
def test_a_few_rules_stand_in_a_row(number: int) -> None:
    rules = [Box(((1, 1),), ((2, 2),), ((port, port),)) for port in range(number)]
    assert build(rules, 12) == Leaf(tuple(range(number)))


def test_a_rule_that_another_covers_is_left_out_of_a_tree() -> None:
    wide = Box(((0, 9),), ((0, 9),), ((0, 99),))
    narrow = [Box(((one, one),), ((2, 2),), ((port, port),)) for one in range(5) for port in range(5)]
    assert build([*narrow, wide], 12) == Leaf((25,))


def test_a_rule_that_demands_a_public_address_covers_no_other() -> None:
    """It once did: a direct flow was left out for a published one, which demands more of a packet."""
    public, other = ip_address("192.0.2.1"), ip_address("192.0.2.2")
    box = Box(((0, 9),), ((2, 2),), ((80, 80),))
    more = [Box(((one, one),), ((3, 3),), ((80, 80),)) for one in range(9)]
    rules = [replace(box, sent_to=public), replace(box, sent_to=other), box, *more]
    tree = build(rules, 12)
    assert isinstance(tree, Split) and tree.test == WasSentTo(public)
    assert isinstance(tree.no, Split) and tree.no.test == WasSentTo(other)
    assert 0 in shown(tree.yes, (1, 2, 80))
    assert 1 in shown(tree.no.yes, (1, 2, 80))
    assert 2 in shown(tree.no.no, (1, 2, 80))


def test_what_no_cut_parts_is_bounded_in_size() -> None:
    """Wide ranges of ports over groups that overlap: the depth is what gives way, not the size."""
    random = Random(1)  # noqa: S311 the same each time
    groups = [spans(random, 200, 6) for _ in range(30)]
    lows = [random.randrange(EDGE - 4000) for _ in range(150)]
    rules = [Box(random.choice(groups), random.choice(groups), ((low, low + 3000),)) for low in lows]
    tree = build(rules, 10)
    assert depth(tree) < 40
    assert placed(tree) <= 40 * len(rules)


def placed(node: Node) -> int:
    return len(node.rules) if isinstance(node, Leaf) else placed(node.yes) + placed(node.no)
