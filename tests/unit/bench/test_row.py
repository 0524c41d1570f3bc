"""The table of a bench: figures, ratios, and what has no reference."""

from tests.bench.row import Row, figure, table


def test_small_figures_keep_their_digits() -> None:
    assert [figure(each) for each in (0.0257, 0.5, 9.876, 10, 1102.71)] == ["0.0257", "0.5", "9.88", "10.0", "1102.7"]


def test_the_ratio_is_ours_over_the_reference() -> None:
    row = Row("a proof", 0.5, "s", "another engine", 2.0, "< 1 s")
    assert table([row]).splitlines()[1].split()[2:7] == ["0.5", "s", "2", "s", "0.25"]


def test_what_has_no_reference_has_no_ratio() -> None:
    assert table([Row("a proof", 0.5, "s", "nothing", None, "told")]).splitlines()[1].split()[4:6] == ["-", "-"]
