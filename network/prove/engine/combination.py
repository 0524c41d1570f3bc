"""Nodes of interval decision diagrams, and binary operations on them.

A node is an int: 0 and above is an inner node, below 0 is the leaf whose mask is its bitwise complement.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Protocol

Node = int
Binary = Callable[[Node, Node], Node]
LeafRule = Callable[[int], Node | None]

EMPTY: Node = ~0
"""The leaf of the empty set."""
FULL: Node = ~1
"""The leaf of the set of all packets."""

OTHER: Node = 1 << 62
"""What a rule for leaves answers when the result is the other operand; no node ever has this number."""


def leaf(mask: int) -> Node:
    """Give the leaf with a bit mask."""
    return ~mask


class Table(Protocol):
    """The nodes of a space of diagrams, as an operation needs them."""

    sizes: tuple[int, ...]

    def node(self, field: int, ends: Sequence[int], kids: Sequence[Node]) -> Node:
        """Give the node that splits a field so."""

    def tables(self) -> tuple[list[int], list[tuple[int, ...]], list[tuple[Node, ...]]]:
        """Give all inner nodes by number: field, ends, children."""


class Combination:
    """A memoised binary operation on the diagrams of one space; see `Diagrams.operation`."""

    def __init__(self, diagrams: Table, left: LeafRule, right: LeafRule, both: Callable[[int, int], int]) -> None:
        self._node = diagrams.node
        self._field, self._ends, self._kids = diagrams.tables()
        self._leaf = len(diagrams.sizes)
        self._left, self._right, self._both = left, right, both
        self._left_answers: dict[Node, Node | None] = {}
        self._right_answers: dict[Node, Node | None] = {}
        self._memo: dict[tuple[Node, Node], Node] = {}

    def __call__(self, a: Node, b: Node) -> Node:
        if a < 0:
            answer = self._of_left(a)
            if answer is not None:
                return b if answer == OTHER else answer
            if b < 0:
                return ~self._both(~a, ~b)
        if b < 0:
            answer = self._of_right(b)
            if answer is not None:
                return a if answer == OTHER else answer
        key = (a, b)
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = self._walk(a, b)
        return found

    def _of_left(self, node: Node) -> Node | None:
        if node not in self._left_answers:
            self._left_answers[node] = self._left(~node)
        return self._left_answers[node]

    def _of_right(self, node: Node) -> Node | None:
        if node not in self._right_answers:
            self._right_answers[node] = self._right(~node)
        return self._right_answers[node]

    def _walk(self, a: Node, b: Node) -> Node:
        field_a = self._field[a] if a >= 0 else self._leaf
        field_b = self._field[b] if b >= 0 else self._leaf
        if field_a < field_b:
            return self._node(field_a, self._ends[a], [self(kid, b) for kid in self._kids[a]])
        if field_b < field_a:
            return self._node(field_b, self._ends[b], [self(a, kid) for kid in self._kids[b]])
        return self._zip(field_a, a, b)

    def _zip(self, field: int, a: Node, b: Node) -> Node:
        """Combine two nodes of one field. A stretch of one whose leaf decides spares walking the other's intervals."""
        ends_a, kids_a, ends_b, kids_b = self._ends[a], self._kids[a], self._ends[b], self._kids[b]
        ends: list[int] = []
        kids: list[Node] = []
        i = j = 0
        while i < len(ends_a):
            kid_a, end_a = kids_a[i], ends_a[i]
            kid_b, end_b = kids_b[j], ends_b[j]
            if kid_a < 0 and end_b < end_a and (answer := self._of_left(kid_a)) is not None:
                stop = bisect_left(ends_b, end_a, j)
                if answer == OTHER:
                    kids.extend(kids_b[j : stop + 1])
                    ends.extend(ends_b[j:stop])
                else:
                    kids.append(answer)
                ends.append(end_a)
                i, j = i + 1, stop + (ends_b[stop] == end_a)
            elif kid_b < 0 and end_a < end_b and (answer := self._of_right(kid_b)) is not None:
                stop = bisect_left(ends_a, end_b, i)
                if answer == OTHER:
                    kids.extend(kids_a[i : stop + 1])
                    ends.extend(ends_a[i:stop])
                else:
                    kids.append(answer)
                ends.append(end_b)
                i, j = stop + (ends_a[stop] == end_b), j + 1
            else:
                kids.append(self(kid_a, kid_b))
                ends.append(min(end_a, end_b))
                i, j = i + (end_a <= end_b), j + (end_b <= end_a)
        return self._node(field, ends, kids)
