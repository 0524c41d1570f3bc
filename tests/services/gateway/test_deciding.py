"""What becomes of a message after an attempt: pure decisions, and the providers' answers that lead to them."""

import math
import ssl
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import SMTP
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.adapters import telegram, vk
from services.gateway.adapters.calls import Answer
from services.gateway.adapters.mail import MailProvider, Submission
from services.gateway.domain.composing import compose
from services.gateway.domain.errors import InvalidMessage
from services.gateway.domain.message import Channel, Consignment, Content, Draft
from services.gateway.domain.sending import (
    AFTER_UNKNOWN,
    LONGEST_PAUSE,
    LONGEST_WAIT,
    AfterUnknown,
    Again,
    Arrived,
    Dead,
    Failed,
    Held,
    Limited,
    Outcome,
    Policy,
    Refused,
    Sent,
    Unknown,
    Verdict,
    decide,
    is_strike,
)
from services.retry import Backoff
from services.settings import Secret

BACKOFF = Backoff(base=2.0, most=600.0, least=0.5)
POLICY = Policy(5, BACKOFF, AFTER_UNKNOWN)
REPEATED = [channel for channel, after in AFTER_UNKNOWN.items() if after is AfterUnknown.REPEAT]

channels = st.sampled_from(Channel)
strikes = st.integers(0, 10)
randoms = st.randoms(use_true_random=False)
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Sent, st.just("250 OK")),
    st.builds(Refused, st.just("no")),
    st.builds(Limited, st.floats(-10, 10_000), st.just("slow down"), st.booleans()),
    st.builds(Failed, st.just("no connection")),
    st.builds(Unknown, st.just("no answer")),
)


def judged(outcome: Outcome, channel: Channel = Channel.VK, count: int = 0) -> Verdict:
    return decide(outcome, channel, count, POLICY, Random(1))


@given(outcomes, channels, strikes, randoms)
def test_only_what_was_sent_counts_as_arrived(outcome: Outcome, channel: Channel, count: int, random: Random) -> None:
    verdict = decide(outcome, channel, count, POLICY, random)
    assert isinstance(verdict, Arrived) == isinstance(outcome, Sent)
    # And nothing that may have arrived is ever called dead.
    if isinstance(outcome, Unknown):
        assert isinstance(verdict, Again | Held)


@given(outcomes, channels, strikes, randoms)
def test_the_next_attempt_is_neither_too_early_nor_too_late(
    outcome: Outcome, channel: Channel, count: int, random: Random
) -> None:
    verdict = decide(outcome, channel, count, POLICY, random)
    if not isinstance(verdict, Again):
        return
    assert 0 <= verdict.pause <= LONGEST_PAUSE
    if isinstance(outcome, Limited):
        asked = min(max(outcome.after, 0.0), LONGEST_WAIT)
        assert asked <= verdict.after <= asked + BACKOFF.base
    else:
        assert BACKOFF.least <= verdict.after <= max(BACKOFF.least, min(BACKOFF.most, BACKOFF.base * 2**count))
        assert verdict.pause == 0


@given(st.lists(outcomes, max_size=30), channels, randoms)
def test_every_message_comes_to_an_end_unless_it_is_only_told_to_wait(
    found: list[Outcome], channel: Channel, random: Random
) -> None:
    count = 0
    for outcome in found:
        verdict = decide(outcome, channel, count, POLICY, random)
        count += is_strike(outcome)
        if not isinstance(verdict, Again):
            return
    assert count < POLICY.strikes


def test_a_message_is_given_up_after_its_strikes() -> None:
    assert isinstance(judged(Failed("down"), count=3), Again)
    assert judged(Failed("down"), count=4) == Dead("given up after 5 failures, the last: down")
    # It may have arrived at last.
    assert judged(Unknown("no answer"), count=4) == Held("given up after 5 failures, the last: no answer")


def test_who_is_told_to_wait_has_failed_at_nothing() -> None:
    assert isinstance(judged(Limited(3, "slow down"), count=100), Again)
    assert not is_strike(Limited(3, "slow down"))


def test_an_unknown_outcome_is_repeated_only_where_a_double_is_known() -> None:
    assert REPEATED == [Channel.EMAIL, Channel.VK]
    for channel in Channel:
        verdict = judged(Unknown("no answer"), channel)
        assert isinstance(verdict, Again if channel in REPEATED else Held)


@pytest.mark.parametrize(
    ("status", "content", "outcome"),
    [
        (200, {"ok": True, "result": {"message_id": 5}}, Sent("message_id 5")),
        (200, {"ok": True, "result": []}, Sent("message_id None")),
        (
            429,
            {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 7}},
            Limited(7.0, "answered 429 Too Many Requests"),
        ),
        (429, {"ok": False, "error_code": 429}, Limited(telegram.PATIENCE, "answered 429")),
        *(
            (429, {"ok": False, "error_code": 429, "parameters": {"retry_after": asked}}, Limited(wait, "answered 429"))
            for asked, wait in [
                (0.5, 0.5),
                (10**400, LONGEST_WAIT),
                (math.inf, LONGEST_WAIT),
                (math.nan, telegram.PATIENCE),
                (-3, telegram.PATIENCE),
                ("7", telegram.PATIENCE),
                (True, telegram.PATIENCE),
            ]
        ),
        (403, {"ok": False, "error_code": 403, "description": "blocked"}, Refused("answered 403 blocked")),
        (
            400,
            {"ok": False, "error_code": 400, "description": "chat not found"},
            Refused("answered 400 chat not found"),
        ),
        (
            400,
            {"ok": False, "error_code": 400, "description": "upgraded", "parameters": {"migrate_to_chat_id": -1001}},
            Refused("answered 400 upgraded; the group is now -1001"),
        ),
        (401, {"ok": False, "error_code": 401, "description": "Unauthorized"}, Failed("answered 401 Unauthorized")),
        (500, {"ok": False, "error_code": 500, "description": "Internal"}, Failed("answered 500 Internal")),
        # A proxy on the way tells nothing of the message.
        (502, {}, Unknown("answered 502, which is not the Bot API's own")),
        (200, {}, Unknown("answered 200, which is not the Bot API's own")),
    ],
)
def test_telegrams_answers(status: int, content: dict[str, Any], outcome: Outcome) -> None:
    assert telegram.judge(Answer(status, content)) == outcome


@pytest.mark.parametrize(
    ("status", "content", "outcome"),
    [
        (200, {"response": 5}, Sent("message 5")),
        (200, {"error": {"error_code": 6, "error_msg": "Too many"}}, Limited(vk.SECOND, "error 6 Too many")),
        (
            200,
            {"error": {"error_code": 9, "error_msg": "Flood"}},
            Limited(vk.FLOOD_WAIT, "error 9 Flood", everyone=False),
        ),
        (200, {"error": {"error_code": 29, "error_msg": "Limit"}}, Limited(vk.QUOTA_WAIT, "error 29 Limit")),
        (200, {"error": {"error_code": 901, "error_msg": "No"}}, Refused("error 901 No")),
        (200, {"error": {"error_code": 10, "error_msg": "Internal"}}, Failed("error 10 Internal")),
        (200, {"error": {"error_code": 5, "error_msg": "Token"}}, Failed("error 5 Token")),
        (502, {}, Unknown("answered 502, which is not VK's own")),
        (200, {"error": "?"}, Unknown("answered 200, which is not VK's own")),
    ],
)
def test_vks_answers(status: int, content: dict[str, Any], outcome: Outcome) -> None:
    assert vk.judge(Answer(status, content)) == outcome


@given(st.uuids())
def test_vks_random_id_is_the_messages_and_an_int32(message: UUID) -> None:
    found = vk.random_id(message)
    assert 0 < found < 2**31
    assert found == vk.random_id(UUID(str(message)))


def test_another_message_has_another_random_id() -> None:
    assert len({vk.random_id(uuid4()) for _ in range(1000)}) > 990


@pytest.fixture(scope="module")
def mail() -> MailProvider:
    submission = Submission("localhost", 587, "user", Secret("password"), "us@example.org")
    return MailProvider(submission, ssl.create_default_context(), 1.0)


# Pieces of encoded words (RFC 2047), in which Python's parser finds line breaks.
words = st.lists(st.sampled_from(["=?", "?=", "utf-8", "?q?", "?b?", "=0d=0a", "DQo", "X=3A", "a", "_", " "])).map(
    "".join
)
addresses = st.builds("{}@{}".format, st.just("someone") | words, st.sampled_from(["example.org", "bücher.example"]))


@given(addresses, st.text(min_size=1, max_size=120) | words, st.text(min_size=1, max_size=300))
def test_every_mail_that_is_accepted_can_be_written_and_read(
    mail: MailProvider, to: str, subject: str, text: str
) -> None:
    try:
        content = compose(Draft("email", to, subject, text))
    except InvalidMessage:
        return
    found = message_from_bytes(mail.compose(Consignment(uuid4(), datetime.now(UTC), content, 1, 0, "r")), policy=SMTP)
    assert found["Subject"].split() == content.subject.split()
    assert found["To"] == content.to == content.to.encode("ascii").decode()
    assert found.get_content().replace("\r\n", "\n").rstrip("\n") == text.replace("\r\n", "\n").rstrip("\n")
    assert len(found.keys()) == len(set(found.keys()))


def test_the_same_mail_is_the_same_to_the_byte(mail: MailProvider) -> None:
    content = Content(Channel.EMAIL, "someone@example.org", "Привет", "Текст")
    first = Consignment(uuid4(), datetime.now(UTC), content, 1, 0, "request")
    again = Consignment(first.id, first.accepted_at, content, 2, 1, "request")
    assert mail.compose(first) == mail.compose(again)
