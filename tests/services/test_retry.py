"""Pure decisions about retries."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.retry import Answered, Backoff, Dead, Delivered, Retry, Unreachable, decide
from services.retry.verdict import LONGEST_WAIT, asked_wait

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


@given(attempt=st.integers(1, 10_000), seed=st.integers(), least=st.floats(0, 2))
def test_delays_have_full_jitter_within_their_bounds(attempt: int, seed: int, least: float) -> None:
    backoff = Backoff(base=0.5, most=30.0, least=least)
    delay = backoff.delay(attempt, Random(seed))
    assert least <= delay <= max(least, min(30.0, 0.5 * 2.0 ** min(attempt - 1, 60)))


def test_jitter_spreads_over_the_whole_range() -> None:
    random = Random(1)
    delays = [Backoff(base=1.0, most=8.0).delay(10, random) for _ in range(1000)]
    assert min(delays) < 0.5
    assert max(delays) > 7.5


@pytest.mark.parametrize("status", [200, 202, 204])
def test_an_answer_of_success_is_delivered(status: int) -> None:
    assert decide(Answered(status), 1, Backoff(), Random(1), NOW) == Delivered()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422])
def test_a_refusal_is_dead_at_once(status: int) -> None:
    assert decide(Answered(status), 1, Backoff(), Random(1), NOW) == Dead(f"answered {status}")


@pytest.mark.parametrize(("apart", "said"), [(600, "600 s ahead of"), (-90, "90 s behind")])
def test_a_refusal_while_the_clocks_are_apart_is_the_clock_s_fault_and_passes(apart: int, said: str) -> None:
    date = format_datetime(NOW - timedelta(seconds=apart), usegmt=True)
    verdict = decide(Answered(401, None, date), 1, Backoff(base=5.0, most=5.0, least=5.0), Random(1), NOW)
    assert verdict == Retry(5.0, f"answered 401: our clock is {said} the receiver's")
    assert isinstance(decide(Answered(403, None, date), 1, Backoff(), Random(1), NOW), Dead)
    near = format_datetime(NOW - timedelta(seconds=apart / 20), usegmt=True)
    assert decide(Answered(401, None, near), 1, Backoff(), Random(1), NOW) == Dead("answered 401")


@pytest.mark.parametrize("status", [301, 408, 425, 429, 500, 502, 503])
def test_what_may_pass_is_sent_again(status: int) -> None:
    assert isinstance(decide(Answered(status), 1, Backoff(), Random(1), NOW), Retry)


@pytest.mark.parametrize("known", [Delivered(), Dead("too large")])
def test_what_the_sender_knows_itself_stands(known: Delivered | Dead) -> None:
    assert decide(known, 1, Backoff(), Random(1), NOW) is known


def test_no_answer_is_sent_again_however_often_it_failed() -> None:
    verdict = decide(Unreachable("ConnectError"), 1000, Backoff(most=30.0), Random(1), NOW)
    assert isinstance(verdict, Retry)
    assert verdict.after <= 30.0


def test_the_delay_comes_on_top_of_retry_after_so_that_not_all_come_back_in_step() -> None:
    backoff = Backoff(base=5.0, most=5.0, least=5.0)
    assert decide(Answered(429, "20"), 1, backoff, Random(1), NOW) == Retry(25.0, "answered 429")
    assert decide(Answered(503, "1"), 1, backoff, Random(1), NOW) == Retry(6.0, "answered 503")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        ("7", 7.0),
        ("999999999", LONGEST_WAIT),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("Fri, 99 Nov 2026 25:61:61 GMT", 0.0),
        ("Fri, 99999999999 Nov 2026 12:00:00 GMT", 0.0),
    ],
)
def test_retry_after_header(header: str | None, seconds: float) -> None:
    assert asked_wait(header, NOW) == seconds


# What dates are made of, and more.
parts = st.sampled_from(["Fri,", "26", "Nov", "2026", "99999999999", "-1", "12:00:00", "25:61:99", "GMT", "+9999", "("])


@given(st.text(max_size=40) | st.lists(parts, max_size=7).map(" ".join))
def test_retry_after_header_never_fails(header: str) -> None:
    assert 0.0 <= asked_wait(header, NOW) <= LONGEST_WAIT
