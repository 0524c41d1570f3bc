"""Sets of integers as sorted, disjoint, non-adjacent inclusive intervals."""

from collections.abc import Iterable

Interval = tuple[int, int]
Intervals = tuple[Interval, ...]

NOTHING: Intervals = ()


def union(intervals: Iterable[Interval]) -> Intervals:
    """Give the set that the given intervals cover, in any order, overlapping or not."""
    merged: list[Interval] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1] + 1:
            if last > merged[-1][1]:
                merged[-1] = (merged[-1][0], last)
        elif first <= last:
            merged.append((first, last))
    return tuple(merged)


def complement(intervals: Intervals, size: int) -> Intervals:
    """Give what of 0 to size - 1 the set leaves out."""
    gaps: list[Interval] = []
    start = 0
    for first, last in intervals:
        if first > start:
            gaps.append((start, first - 1))
        start = last + 1
    if start < size:
        gaps.append((start, size - 1))
    return tuple(gaps)


def intersect(left: Intervals, right: Intervals) -> Intervals:
    """Give what both sets hold."""
    common: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        first = max(left[i][0], right[j][0])
        last = min(left[i][1], right[j][1])
        if first <= last:
            common.append((first, last))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def difference(left: Intervals, right: Intervals) -> Intervals:
    """Give what the first set holds and the second does not."""
    if not left:
        return NOTHING
    return intersect(left, complement(right, left[-1][1] + 1))


def overlaps(left: Intervals, right: Intervals) -> bool:
    """Tell whether the two sets share a value."""
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i][1] < right[j][0]:
            i += 1
        elif right[j][1] < left[i][0]:
            j += 1
        else:
            return True
    return False


def contains(intervals: Intervals, value: int) -> bool:
    """Tell whether the set holds a value."""
    return any(first <= value <= last for first, last in intervals)


def count(intervals: Intervals) -> int:
    """Count how many values the set holds."""
    return sum(last - first + 1 for first, last in intervals)
