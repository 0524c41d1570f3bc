from dataclasses import replace

from network.command.drill import table
from network.drill.catalogue import DRILLS
from network.drill.ledger import Ledger
from network.drill.load import Load

WELL = Ledger(accepted=10, requests=10, items=10, done=10, doubled=0, dead=0, seconds=3.2)


def test_all_that_was_accepted_is_done() -> None:
    assert WELL.clean
    assert WELL.lost == 0


def test_request_that_is_gone_and_result_that_never_came_are_both_lost() -> None:
    gone = replace(WELL, requests=8, items=8, done=7)
    assert gone.lost == 3
    assert not gone.clean


def test_doubled_or_dead_is_not_clean_and_neither_is_nothing_at_all() -> None:
    assert not replace(WELL, doubled=1).clean
    assert not replace(WELL, dead=1).clean
    assert not Ledger(0, 0, 0, 0, 0, 0, 0.0).clean


def test_table_has_a_line_for_each_drill_and_tells_errors() -> None:
    lines = table([("kill-main", Load([1], 0, 4, None), WELL), ("burst", Load([], 0, 0, "login: 401"), WELL)])
    assert [line.split()[0] for line in lines] == ["drill", "kill-main", "burst"]
    assert lines[1].split()[1:6] == ["10", "10", "0", "0", "0"]
    assert lines[2].endswith("login: 401")


def test_every_drill_breaks_something_or_floods() -> None:
    assert all(drill.fault is not None or drill.burst for drill in DRILLS.values())
