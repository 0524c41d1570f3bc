"""Routes as ranges of destinations against single look-ups."""

from hypothesis import given, settings
from hypothesis import strategies as st

from network.prove.engine.intervals import contains
from network.prove.fleet.routes import Kind, Route, RoutingTable, Way

LAST = (1 << 32) - 1


def routes(starts: list[tuple[int, int, int]]) -> list[Route]:
    kinds = list(Kind)
    found = []
    for start, length, choice in starts:
        size = 1 << (32 - length)
        first = start // size * size
        kind = kinds[choice % len(kinds)]
        table = "local" if kind in {Kind.LOCAL, Kind.BROADCAST} else "main"
        found.append(Route(first, first + size - 1, kind, f"eth{choice % 3}", choice or None, table, choice % 2))
    return found


some = st.lists(
    st.tuples(st.integers(0, LAST), st.sampled_from((0, 1, 2, 8, 24, 31, 32)), st.integers(0, 20)), max_size=8
)


@settings(max_examples=150, deadline=None)
@given(some.map(routes), st.lists(st.integers(0, LAST), max_size=20))
def test_every_destination_is_in_the_piece_of_its_way(given_routes: list[Route], addresses: list[int]) -> None:
    table = RoutingTable(given_routes, 4)
    ways = table.ways()
    edges = [bound for route in given_routes for bound in (route.first, route.last, min(route.last + 1, LAST))]
    for address in (*addresses, *edges):
        assert [way for way, pieces in ways.items() if contains(pieces, address)] == [table.way(address)]


def test_the_most_specific_route_counts_and_the_local_table_comes_first() -> None:
    table = RoutingTable(
        [
            Route(0, LAST, Kind.OUT, "eth0", 1, "main", 0),
            Route(256, 511, Kind.OUT, "eth1", None, "main", 100),
            Route(256, 511, Kind.OUT, "eth2", None, "main", 50),
            Route(300, 300, Kind.LOCAL, "eth1", None, "local", 0),
            Route(400, 410, Kind.NOWHERE, "", None, "main", 0),
        ],
        4,
    )
    assert table.way(5) == Way(Kind.OUT, "eth0", 1)
    assert table.way(257) == Way(Kind.OUT, "eth2", None)
    assert table.way(300) == Way(Kind.LOCAL)
    assert table.way(405) == Way(Kind.NOWHERE)
    assert table.lookup(257, "eth1") != table.lookup(257)


def test_a_route_inside_a_local_one_is_ambiguous() -> None:
    outer = Route(0, 255, Kind.LOCAL, "lo", None, "local", 0)
    inner = Route(16, 31, Kind.OUT, "eth0", None, "main", 0)
    assert RoutingTable([outer, inner], 4).ambiguous() == [(outer, inner)]
    assert not RoutingTable([inner, Route(0, 255, Kind.OUT, "eth0", None, "main", 0)], 4).ambiguous()
