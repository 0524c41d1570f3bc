"""Where a host's routes lead, as ranges of destinations."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from network.prove.engine.intervals import Intervals, union
from network.prove.syntax.addresses import WIDTH


class Kind(Enum):
    """What a route does with a packet."""

    OUT = "out"
    LOCAL = "local"
    BROADCAST = "broadcast"
    MULTICAST = "multicast"
    NOWHERE = "nowhere"


@dataclass(frozen=True)
class Route:
    """A route to the destinations `first` to `last`. No gateway means that they are on the link itself."""

    first: int
    last: int
    kind: Kind
    interface: str
    gateway: int | None
    table: str
    metric: int
    preferred: int | None = None


@dataclass(frozen=True)
class Way:
    """Where a packet goes: out by an interface, to a router or the destination itself; or it stays, or is gone."""

    kind: Kind
    interface: str = ""
    gateway: int | None = None


NOWHERE = Way(Kind.NOWHERE)
_TABLES = ("local", "main", "default")


class RoutingTable:
    """The routes of one family. The most specific one that holds the destination is taken, and of those the cheapest.

    Linux asks table local before table main, and may (IPv4, while there are no routing rules) ask both at once. The two
    only differ where main holds a more specific route inside a local one; `ambiguous` gives those.
    """

    def __init__(self, routes: Iterable[Route], family: int) -> None:
        self.family = family
        self._routes = sorted(routes, key=_rank)

    def lookup(self, address: int, interface: str = "") -> Route | None:
        """Find the route to an address; of equally specific ones, one by the given interface if there is any."""
        best: Route | None = None
        for route in self._routes:
            if best is not None and _specific(route) != _specific(best):
                break
            if route.first <= address <= route.last:
                if not interface or route.interface == interface:
                    return route
                best = best or route
        return best

    def way(self, address: int, interface: str = "") -> Way:
        """Say where a packet to an address goes; see `lookup`."""
        return _way(self.lookup(address, interface))

    def ambiguous(self) -> Sequence[tuple[Route, Route]]:
        """Give pairs of a local route and a more specific other one inside it."""
        local = [route for route in self._routes if route.table == "local"]
        others = [route for route in self._routes if route.table != "local"]
        return [(outer, inner) for inner in others for outer in local if _inside(inner, outer)]

    def ways(self, interface: str = "") -> Mapping[Way, Intervals]:
        """Cut all destinations into those that go the same way. Exact: within a piece every address has one route.

        Equally specific routes are chosen as `lookup` does.
        """
        size = 1 << WIDTH[self.family]
        starts = sorted({0, *(r.first for r in self._routes), *(r.last + 1 for r in self._routes if r.last + 1 < size)})
        found: dict[Way, list[tuple[int, int]]] = {}
        for start, following in zip(starts, [*starts[1:], size], strict=True):
            found.setdefault(_way(self.lookup(start, interface)), []).append((start, following - 1))
        return {way: union(pieces) for way, pieces in found.items()}


def _rank(route: Route) -> tuple[int, int, int]:
    return (*_specific(route), route.metric)


def _specific(route: Route) -> tuple[int, int]:
    return _TABLES.index(route.table), route.last - route.first


def _inside(inner: Route, outer: Route) -> bool:
    held = outer.first <= inner.first and inner.last <= outer.last
    return held and (outer.first, outer.last) != (inner.first, inner.last)


def _way(route: Route | None) -> Way:
    if route is None or route.kind is Kind.NOWHERE:
        return NOWHERE
    if route.kind is Kind.OUT:
        return Way(Kind.OUT, route.interface, route.gateway)
    return Way(route.kind)
