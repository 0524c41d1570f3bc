"""Names of chains and sets are short, told apart, and the same each time."""

from network.compile.ipset import LONGEST as SET
from network.compile.names import Names
from network.compile.table import LONGEST as CHAIN

LONG = "a-zone-with-a-name-that-goes-on-and-on"


def test_a_name_that_fits_stays() -> None:
    assert Names(CHAIN).new("", "fwd-app") == "fwd-app"


def test_a_name_that_is_taken_gets_a_number() -> None:
    names = Names(SET)
    assert [names.new("g-", "broker", "-v4") for _ in range(3)] == ["g-broker-v4", "g-broker-2-v4", "g-broker-3-v4"]


def test_long_names_are_cut_and_told_apart() -> None:
    names = Names(SET)
    given = [names.new("g-", LONG + end, "-v6") for end in ("", "-one", "-two", "-two")]
    assert len(set(given)) == 4
    assert all(len(name) <= SET and name.startswith("g-a-zone") and name.endswith("-v6") for name in given)


def test_the_same_names_are_given_each_time() -> None:
    one, other = Names(CHAIN), Names(CHAIN)
    assert [one.new("", LONG) for _ in range(2)] == [other.new("", LONG) for _ in range(2)]
