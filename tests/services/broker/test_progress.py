"""How far a partition of Kafka has come: an offset that is committed says that all before are done."""

from services.broker.kafka import Progress


def test_only_the_unbroken_run_is_passed() -> None:
    progress = Progress(5)
    progress.settle(7)
    progress.settle(5)
    progress.advance([5, 6, 7])
    assert progress.next == 6
    progress.settle(6)
    progress.advance([6, 7])
    assert progress.next == 8


def test_what_is_settled_twice_holds_nothing_up() -> None:
    """A partition that was taken away and given back brings again what its lanes still hold."""
    progress = Progress(5)
    for offset in (5, 6, 5, 6, 7):
        progress.settle(offset)
    progress.advance([5, 6, 7])
    assert progress.next == 8


def test_an_offset_that_is_no_record_holds_nothing_up() -> None:
    """Some belong to the broker's own records, and are never received."""
    progress = Progress(5)
    progress.settle(5)
    progress.settle(9)
    progress.advance([5, 9])
    assert progress.next == 10
