"""How operations get their numbers, and how a heap of messages is slowed down: the pure part."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from services.main.domain.allowance import Allowance, Meter
from services.main.domain.chat import MOST_ENTRIES, Kind, Ledger, Operation, Placed, Standing
from services.main.domain.errors import ChatFull, NotFound, NotTheAuthor, Outdated
from services.main.domain.user import Role, User

CREATOR = User(1, "creator", Role.CREATOR)
MODERATOR = User(2, "moderator", Role.MODERATOR)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ledger(last: int = 0, sent: dict[tuple[int, int, UUID], int] | None = None, **standings: Standing) -> Ledger:
    """The chat about request 7. standings: of its messages; m1 is of message 1."""
    return Ledger({7: last}, sent or {}, {(7, int(name[1:])): found for name, found in standings.items()}, NOW)


def text(author: User = CREATOR, request_id: int = 7) -> Operation:
    return Operation(request_id, author, uuid4(), Kind.TEXT, text="x")


def edit(message: int, version: int, author: User = CREATOR, kind: Kind = Kind.EDIT) -> Operation:
    return Operation(7, author, uuid4(), kind, message, version, None if kind is Kind.DELETE else "y")


def test_numbers_are_contiguous_and_what_comes_again_has_the_number_it_had() -> None:
    before, first = text(), text()
    found = ledger(4, {(7, CREATOR.id, before.client_id): 2})
    answers = [found.take(each) for each in (before, first, text(MODERATOR), first)]
    assert answers == [Placed(2, False), Placed(5, True), Placed(6, True), Placed(5, False)]
    assert [entry.seq for _, entry in found.entries] == [5, 6]
    assert found.lasts == {7: 6}


def test_a_client_id_is_its_authors_own() -> None:
    mine = text()
    theirs = Operation(7, MODERATOR, mine.client_id, Kind.TEXT, text="x")
    found = ledger()
    assert [found.take(mine), found.take(theirs)] == [Placed(1, True), Placed(2, True)]


def test_versions_only_grow_within_a_batch_too() -> None:
    found = ledger(1, m1=Standing(CREATOR.id, 1, False))
    assert isinstance(found.take(edit(1, 1)), Outdated)
    assert found.take(edit(1, 3)) == Placed(2, True)
    late = found.take(edit(1, 2))
    assert isinstance(late, Outdated)
    assert late.version == 3
    assert found.take(edit(1, 4, kind=Kind.DELETE)) == Placed(3, True)
    assert isinstance(found.take(edit(1, 5)), NotFound)


def test_what_is_not_there_or_not_ones_own_is_refused() -> None:
    found = ledger(1, m1=Standing(CREATOR.id, 1, False))
    assert isinstance(found.take(edit(9, 2)), NotFound)
    assert isinstance(found.take(edit(1, 2, MODERATOR)), NotTheAuthor)
    assert isinstance(found.take(text(request_id=8)), NotFound)
    assert found.entries == []


def test_a_full_chat_takes_deletions_only() -> None:
    found = ledger(MOST_ENTRIES, m1=Standing(CREATOR.id, 1, False))
    assert isinstance(found.take(text()), ChatFull)
    assert isinstance(found.take(edit(1, 2)), ChatFull)
    assert found.take(edit(1, 2, kind=Kind.DELETE)) == Placed(MOST_ENTRIES + 1, True)


def test_a_meter_lets_a_burst_through_and_then_spreads_the_rest() -> None:
    meter = Meter(Allowance(3, 0.5))
    assert [meter.spend(100.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert [meter.spend(100.0) for _ in range(2)] == [pytest.approx(0.5), pytest.approx(1.0)]
    # It grows back, and never beyond the burst.
    assert [meter.spend(1000.0) for _ in range(4)] == [0.0, 0.0, 0.0, pytest.approx(0.5)]
