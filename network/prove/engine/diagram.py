"""Interval decision diagrams: exact functions from packets to small sets of outcomes.

A packet is a tuple of integers, one a field; the fields are ordered, field 0 at the root. A node splits the domain of
one field into intervals, each with a child. A leaf holds a bit mask. Nodes are hash-consed and reduced (no two
neighbouring intervals share a child, no node has a single child), so two functions are equal exactly when their nodes
are the same number: see T. Strehl and L. Thiele, "Interval Diagram Techniques", 1998, and R. Bryant, "Graph-Based
Algorithms for Boolean Function Manipulation", 1986.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random

from network.prove.engine.combination import EMPTY, FULL, OTHER, Binary, Combination, LeafRule, Node, leaf
from network.prove.engine.intervals import Intervals, count, intersect, overlaps, union


class Diagrams:
    """All diagrams over one list of fields. `sizes` holds each field's number of values.

    Sets of packets are diagrams whose leaves are `EMPTY` and `FULL`.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = tuple(sizes)
        self._field: list[int] = []
        self._ends: list[tuple[int, ...]] = []
        self._kids: list[tuple[Node, ...]] = []
        self._unique: dict[tuple[int, tuple[int, ...], tuple[Node, ...]], Node] = {}
        self.intersect = self.operation(_unless_all, _unless_all, lambda a, b: a & b)
        self.union = self.operation(_unless_none, _unless_none, lambda a, b: a | b)
        self.difference = self.operation(_minuend, _subtrahend, lambda a, b: a & ~b)

    def __len__(self) -> int:
        return len(self._field)

    # Building.

    def node(self, field: int, ends: Sequence[int], kids: Sequence[Node]) -> Node:
        """Give the node that sends values below ends[0] to kids[0], from there to below ends[1] to kids[1], and so on.

        The last end is the field's size. Neighbours may be equal; they are joined.
        """
        short_ends: list[int] = []
        short_kids: list[Node] = []
        for i in range(len(kids) - 1):
            if kids[i] != kids[i + 1]:
                short_ends.append(ends[i])
                short_kids.append(kids[i])
        if not short_kids:
            return kids[-1]
        short_ends.append(ends[-1])
        short_kids.append(kids[-1])
        return self._make(field, tuple(short_ends), tuple(short_kids))

    def _make(self, field: int, ends: tuple[int, ...], kids: tuple[Node, ...]) -> Node:
        key = (field, ends, kids)
        found = self._unique.get(key)
        if found is None:
            found = self._unique[key] = len(self._field)
            self._field.append(field)
            self._ends.append(ends)
            self._kids.append(kids)
        return found

    def split(self, field: int, inside: Intervals, yes: Node, no: Node) -> Node:
        """Build `yes` where the field's value is in the intervals, `no` elsewhere. Both look only at later fields."""
        if yes == no:
            return yes
        ends: list[int] = []
        kids: list[Node] = []
        start = 0
        for first, last in inside:
            if first > start:
                ends.append(first)
                kids.append(no)
            ends.append(last + 1)
            kids.append(yes)
            start = last + 1
        if start < self.sizes[field]:
            ends.append(self.sizes[field])
            kids.append(no)
        if len(kids) == 1:
            return kids[0]
        return self._make(field, tuple(ends), tuple(kids))

    def box(self, conditions: Mapping[int, Intervals], yes: Node = FULL, no: Node = EMPTY) -> Node:
        """Build `yes` where every named field is in its intervals, `no` elsewhere. Both are leaves."""
        node = yes
        for field in sorted(conditions, reverse=True):
            node = self.split(field, conditions[field], node, no)
        return node

    # Combining.

    def operation(
        self,
        left: LeafRule,
        right: LeafRule,
        both: Callable[[int, int], int],
    ) -> Binary:
        """Make a memoised function that combines two diagrams packet by packet.

        `both` combines the masks of two leaves. `left` is asked for the mask of a leaf on the left: it answers the
        result if that does not depend on the right side, `OTHER` if the result is the right side, and else None;
        `right` likewise. They only save work: stretches of a wide node are then copied instead of walked.
        """
        return Combination(self, left, right, both)

    def unite(self, nodes: Sequence[Node]) -> Node:
        """Give the union of many sets, halves first, so that no operand is larger than it must be."""
        if not nodes:
            return EMPTY
        if len(nodes) == 1:
            return nodes[0]
        middle = len(nodes) // 2
        return self.union(self.unite(nodes[:middle]), self.unite(nodes[middle:]))

    def complement(self, node: Node) -> Node:
        """Give the packets that are not in a set."""
        return self.difference(FULL, node)

    def relabel(self, node: Node, mask: Callable[[int], int]) -> Node:
        """Give the same function with every leaf's mask replaced."""
        memo: dict[Node, Node] = {}

        def walk(node: Node) -> Node:
            if node < 0:
                return ~mask(~node)
            found = memo.get(node)
            if found is None:
                kids = [walk(kid) for kid in self._kids[node]]
                found = memo[node] = self.node(self._field[node], self._ends[node], kids)
            return found

        return walk(node)

    # Looking at one field.

    def assign(self, node: Node, values: Mapping[int, int]) -> Node:
        """Say what the function gives once fields have been overwritten: the preimage of a set under the assignment.

        The result does not depend on the overwritten fields.
        """
        if not values:
            return node
        last = max(values)
        memo: dict[Node, Node] = {}

        def walk(node: Node) -> Node:
            if node < 0 or self._field[node] > last:
                return node
            found = memo.get(node)
            if found is None:
                value = values.get(self._field[node])
                if value is None:
                    found = self.node(self._field[node], self._ends[node], [walk(kid) for kid in self._kids[node]])
                else:
                    found = walk(self._kids[node][bisect_right(self._ends[node], value)])
                memo[node] = found
            return found

        return walk(node)

    def choose(self, node: Node, field: int, among: Intervals, join: Binary) -> Node:
        """Say what the function gives once a field is overwritten with any of some values, joined over them all.

        With `union` for sets: the packets that may end up inside; with `intersect`: those that must.
        """
        memo: dict[Node, Node] = {}

        def walk(node: Node) -> Node:
            if node < 0 or self._field[node] > field:
                return node
            found = memo.get(node)
            if found is None:
                if self._field[node] == field:
                    chosen = [kid for values, kid in self.edges(node) if overlaps(values, among)]
                    found = chosen[0]
                    for kid in chosen[1:]:
                        found = join(found, kid)
                else:
                    found = self.node(self._field[node], self._ends[node], [walk(kid) for kid in self._kids[node]])
                memo[node] = found
            return found

        return walk(node)

    def forget(self, node: Node, field: int) -> Node:
        """Give the packets that are in a set for some value of the field: its image once the field is unknown."""
        return self.choose(node, field, ((0, self.sizes[field] - 1),), self.union)

    def rename(self, node: Node, fields: Mapping[int, int]) -> Node:
        """Give the same function, reading other fields. Refused with ValueError where that would change their order."""
        memo: dict[Node, Node] = {}

        def walk(node: Node, above: int) -> Node:
            if node < 0:
                return node
            field = fields.get(self._field[node], self._field[node])
            if field <= above:
                raise ValueError(f"field {field} would come after field {above}")
            found = memo.get(node)
            if found is None:
                kids = [walk(kid, field) for kid in self._kids[node]]
                found = memo[node] = self.node(field, self._ends[node], kids)
            return found

        return walk(node, -1)

    def lower(self, node: Node, field: int, by: int) -> Node:
        """Say what the function gives once a field has been lowered. A value below `by` is as if it became 0."""
        memo: dict[Node, Node] = {}

        def walk(node: Node) -> Node:
            if node < 0 or self._field[node] > field:
                return node
            found = memo.get(node)
            if found is None:
                ends, kids = self._ends[node], self._kids[node]
                if self._field[node] == field:
                    size = self.sizes[field]
                    moved = [min(end + by, size) for end in ends]
                    kept = next(i for i, end in enumerate(moved) if end == size) + 1
                    found = self.node(field, moved[:kept], kids[:kept])
                else:
                    found = self.node(self._field[node], ends, [walk(kid) for kid in kids])
                memo[node] = found
            return found

        return walk(node)

    def project(self, node: Node, field: int) -> Intervals:
        """Give the values a field takes among the packets of a set."""
        everything: Intervals = ((0, self.sizes[field] - 1),)
        memo: dict[Node, Intervals] = {}

        def walk(node: Node) -> Intervals:
            if node == EMPTY:
                return ()
            if node < 0 or self._field[node] > field:
                return everything
            found = memo.get(node)
            if found is None:
                edges = [(values, kid) for values, kid in self.edges(node) if kid != EMPTY]
                if self._field[node] == field:
                    found = union(interval for values, _ in edges for interval in values)
                else:
                    found = union(interval for _, kid in edges for interval in walk(kid))
                memo[node] = found
            return found

        return walk(node)

    # Reading.

    def tables(self) -> tuple[list[int], list[tuple[int, ...]], list[tuple[Node, ...]]]:
        """Give the nodes themselves, by number: field, ends, children. They only ever grow."""
        return self._field, self._ends, self._kids

    def field(self, node: Node) -> int:
        """Give the field an inner node splits; the number of fields for a leaf."""
        return self._field[node] if node >= 0 else len(self.sizes)

    def edges(self, node: Node) -> Iterator[tuple[Intervals, Node]]:
        """Give the children of an inner node, each once, with the values that lead to it."""
        grouped: dict[Node, list[tuple[int, int]]] = {}
        start = 0
        for end, kid in zip(self._ends[node], self._kids[node], strict=True):
            grouped.setdefault(kid, []).append((start, end - 1))
            start = end
        for kid, intervals in grouped.items():
            yield tuple(intervals), kid

    def mask(self, node: Node, packet: Sequence[int]) -> int:
        """Give the mask of the leaf that a packet leads to."""
        while node >= 0:
            node = self._kids[node][bisect_right(self._ends[node], packet[self._field[node]])]
        return ~node

    def leaves(self, node: Node) -> frozenset[int]:
        """Give the masks of all leaves that some packet leads to."""
        seen: set[Node] = set()
        masks: set[int] = set()
        stack = [node]
        while stack:
            node = stack.pop()
            if node < 0:
                masks.add(~node)
            elif node not in seen:
                seen.add(node)
                stack.extend(self._kids[node])
        return frozenset(masks)

    def nodes(self, node: Node) -> int:
        """Count how many inner nodes the function needs."""
        seen: set[Node] = set()
        stack = [node]
        while stack:
            node = stack.pop()
            if node >= 0 and node not in seen:
                seen.add(node)
                stack.extend(self._kids[node])
        return len(seen)

    def count(self, node: Node) -> int:
        """Count how many packets a set holds."""
        memo: dict[Node, int] = {}

        def walk(node: Node, field: int) -> int:
            """Packets over the fields from `field` on."""
            scale = 1
            here = self.field(node)
            for skipped in range(field, here):
                scale *= self.sizes[skipped]
            if node < 0:
                return scale if node != EMPTY else 0
            if node not in memo:
                memo[node] = sum(count(values) * walk(kid, here + 1) for values, kid in self.edges(node))
            return scale * memo[node]

        return walk(node, 0)

    def witness(self, node: Node, prefer: Mapping[int, Sequence[Intervals]] | None = None) -> tuple[int, ...] | None:
        """Find a packet of a set, or None if it is empty.

        It is the smallest, field by field; but where `prefer` names intervals for a field, the first of them that still
        leaves a packet is met.
        """
        if node == EMPTY:
            return None
        wanted = prefer or {}
        packet: list[int] = []
        for field in range(len(self.sizes)):
            edges = [(((0, self.sizes[field] - 1),), node)] if self.field(node) != field else list(self.edges(node))
            alive = [(values, kid) for values, kid in edges if kid != EMPTY]
            value, node = self._pick(alive, wanted.get(field, ()))
            packet.append(value)
        return tuple(packet)

    def draw(self, node: Node, chance: Random, prefer: Mapping[int, Sequence[Intervals]]) -> tuple[int, ...]:
        """Draw a packet of a set at random; `prefer` as in `witness`. The set must not be empty.

        Every packet can be drawn, but not all as likely: each step picks among intervals, whatever their size.
        """
        packet: list[int] = []
        for field in range(len(self.sizes)):
            edges = [(((0, self.sizes[field] - 1),), node)] if self.field(node) != field else list(self.edges(node))
            alive = [(values, kid) for values, kid in edges if kid != EMPTY]
            for intervals in prefer.get(field, ()):
                met = [(both, kid) for values, kid in alive if (both := intersect(values, intervals))]
                alive = met or alive
            values, node = chance.choice(alive)
            packet.append(chance.randint(*chance.choice(values)))
        return tuple(packet)

    @staticmethod
    def _pick(alive: Sequence[tuple[Intervals, Node]], wanted: Sequence[Intervals]) -> tuple[int, Node]:
        for intervals in wanted:
            met = [(both[0][0], kid) for values, kid in alive if (both := intersect(values, intervals))]
            if met:
                return min(met)
        return min((values[0][0], kid) for values, kid in alive)

    def boxes(self, node: Node) -> Iterator[dict[int, Intervals]]:
        """Cut a set into disjoint boxes: the intervals of each field that the box restricts."""

        def walk(node: Node, box: dict[int, Intervals]) -> Iterator[dict[int, Intervals]]:
            if node == EMPTY:
                return
            if node < 0:
                yield dict(box)
                return
            for values, kid in self.edges(node):
                yield from walk(kid, {**box, self._field[node]: values})

        return walk(node, {})


def _unless_all(mask: int) -> Node | None:
    return EMPTY if mask == 0 else OTHER


def _unless_none(mask: int) -> Node | None:
    return FULL if mask else OTHER


def _minuend(mask: int) -> Node | None:
    return None if mask else EMPTY


def _subtrahend(mask: int) -> Node | None:
    return EMPTY if mask else OTHER


__all__ = ["EMPTY", "FULL", "OTHER", "Binary", "Diagrams", "Node", "leaf"]
