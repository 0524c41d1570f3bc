"""The rules of requests and jobs, without a database."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from services.main.domain.errors import CreatorsOnly, EmptyDraft, NotFound, WrongState
from services.main.domain.request import Handover, Item, Request, State, form
from services.main.domain.user import Role, User
from services.status.domain.job import Result, draw

OWNER = User(1, "creator", Role.CREATOR)
OTHER = User(2, "second", Role.CREATOR)
BEGUN = datetime(2026, 11, 1, tzinfo=UTC)
MODERATOR = User(3, "moderator", Role.MODERATOR)


def request(state: State = State.DRAFT, *stocks: int) -> Request:
    items = [Item(stock, f"Company {stock}", Decimal("1.00"), 1, None) for stock in stocks]
    return Request(7, OWNER.id, OWNER.name, state, BEGUN, None, items=items)


def test_forming_hands_over_one_job_an_item() -> None:
    jobs = [uuid4(), uuid4()]
    remaining = iter(jobs)
    formed = form(request(State.DRAFT, 5, 6), lambda: next(remaining))
    assert formed == [Handover(jobs[0], 5, 7), Handover(jobs[1], 6, 7)]


@pytest.mark.parametrize("state", [state for state in State if state is not State.DRAFT])
def test_only_a_draft_can_be_formed(state: State) -> None:
    with pytest.raises(WrongState, match=f"is {state}; it would have to be draft"):
        form(request(state, 5), uuid4)


def test_an_empty_draft_cannot_be_formed() -> None:
    with pytest.raises(EmptyDraft):
        form(request(), uuid4)


@pytest.mark.parametrize(
    ("user", "visible"),
    [
        (OWNER, {State.DRAFT, State.FORMED, State.COMPLETED, State.REJECTED}),
        (OTHER, set()),
        (MODERATOR, {State.FORMED, State.COMPLETED, State.REJECTED}),
    ],
)
def test_who_may_know_of_a_request(user: User, visible: set[State]) -> None:
    for state in State:
        if state in visible:
            request(state).must_be_visible_to(user)
        else:
            with pytest.raises(NotFound):
                request(state).must_be_visible_to(user)


def test_a_moderator_is_no_creator() -> None:
    OWNER.must_be_creator()
    with pytest.raises(CreatorsOnly):
        MODERATOR.must_be_creator()


def test_a_seeded_draw_depends_on_seed_and_job_alone() -> None:
    jobs = [UUID(int=number) for number in range(200)]
    first = {job: draw(job, "seed") for job in jobs}
    assert first == {job: draw(job, "seed") for job in reversed(jobs)}
    assert first != {job: draw(job, "another") for job in jobs}
    assert min(Counter(first.values()).values()) > 60


def test_without_a_seed_both_results_come() -> None:
    assert {draw(UUID(int=1), None) for _ in range(100)} == set(Result)
