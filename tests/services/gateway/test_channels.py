"""Each channel's answers, and what becomes of a message then."""

from datetime import datetime
from email import message_from_string, policy

import httpx
import pytest

from tests.services.gateway.gateway import Gateway, recipient
from tests.services.gateway.outside import Outside
from tests.services.processes import eventually

CHANNELS = {"email": "mail", "telegram": "telegram", "vk": "vk"}
EVERY = pytest.mark.parametrize("channel", CHANNELS)


@EVERY
def test_a_message_arrives(gateway: Gateway, outside: Outside, channel: str) -> None:
    to = recipient(channel)
    message = gateway.until(gateway.post(channel, to), "sent")
    (received,) = outside.received(CHANNELS[channel], to)
    assert "A result has arrived." in received["text"]
    (attempt,) = message["attempts"]
    assert (attempt["number"], attempt["outcome"]) == (1, "sent")
    assert attempt["began_at"] <= attempt["ended_at"]
    assert message["due_at"] is None


def test_a_mail_says_who_it_is(gateway: Gateway, outside: Outside) -> None:
    to = recipient("email")
    text = "Здравствуйте!\n.\nA line with a dot."
    message = gateway.post("email", to, text=text)
    gateway.until(message, "sent")
    (received,) = outside.texts("mail", to)
    mail = message_from_string(received, policy=policy.default)
    assert mail["Message-ID"] == f"<{message}@example.org>"
    assert (mail["Subject"], mail["To"], mail["From"]) == ("Привет", to, "sallyport@example.org")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().splitlines() == text.splitlines()


@EVERY
def test_what_fails_for_now_is_sent_again(gateway: Gateway, outside: Outside, channel: str) -> None:
    to = recipient(channel)
    outside.break_(CHANNELS[channel], "fail", times=2, to=to)
    message = gateway.post(channel, to)
    gateway.until(message, "sent")
    assert gateway.outcomes(message) == ["failed", "failed", "sent"]
    assert len(outside.received(CHANNELS[channel], to)) == 1


@EVERY
def test_what_is_refused_for_good_waits_for_a_person_who_sends_it_again(
    gateway: Gateway, outside: Outside, channel: str
) -> None:
    to = recipient(channel)
    outside.break_(CHANNELS[channel], "refuse", times=1, to=to)
    message = gateway.post(channel, to)
    dead = gateway.until(message, "dead")
    assert [each["outcome"] for each in dead["attempts"]] == ["refused"]
    assert dead["reason"] == dead["attempts"][0]["detail"]
    assert {"email": "550", "telegram": "403", "vk": "901"}[channel] in dead["reason"]
    assert message in [each["id"] for each in gateway.client.get("/dead-letters").json()["letters"]]
    assert gateway.client.post(f"/messages/{message}/redrive").status_code == 202
    gateway.until(message, "sent")
    assert gateway.outcomes(message) == ["refused", "sent"]
    assert message not in [each["id"] for each in gateway.client.get("/dead-letters").json()["letters"]]


@pytest.mark.thorough
@pytest.mark.parametrize("channel", ["telegram", "vk"])
def test_a_provider_that_wants_quiet_gets_it(gateway: Gateway, outside: Outside, channel: str) -> None:
    """The limit stands inside of VK's HTTP 200. Meanwhile nobody else's messages leave by that channel."""
    to, other = recipient(channel), recipient(channel)
    outside.break_(channel, "throttle", times=1, to=to, retry_after=2)
    message = gateway.post(channel, to)
    eventually(lambda: gateway.outcomes(message) == ["limited"], what="the limit")
    second = gateway.post(channel, other)
    for each in (message, second):
        gateway.until(each, "sent")
    limited, sent = gateway.message(message)["attempts"]
    (after,) = gateway.message(second)["attempts"]
    assert (limited["outcome"], sent["outcome"], after["outcome"]) == ("limited", "sent", "sent")
    least = {"telegram": 2.0, "vk": 1.0}[channel]
    assert seconds_between(limited["ended_at"], sent["began_at"]) >= least
    assert seconds_between(limited["ended_at"], after["began_at"]) >= least


@pytest.mark.thorough
@pytest.mark.parametrize("deed", ["hang", "cut"])
@pytest.mark.parametrize("channel", ["email", "vk"])
def test_an_unknown_outcome_is_told_and_repeated_where_a_double_is_known(
    gateway: Gateway, outside: Outside, channel: str, deed: str
) -> None:
    """The provider took the message, and only its answer is lost."""
    to = recipient(channel)
    outside.break_(CHANNELS[channel], deed, times=1, to=to, taken=True)
    message = gateway.post(channel, to)
    gateway.until(message, "sent")
    assert gateway.outcomes(message) == ["unknown", "sent"]
    texts = outside.texts(CHANNELS[channel], to)
    if channel == "vk":
        # One random_id is one message.
        assert len(texts) == 1
    else:
        identities = {message_from_string(text)["Message-ID"] for text in texts}
        assert (len(texts), identities) == (2, {f"<{message}@example.org>"})


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("deed", ["hang", "cut"])
def test_an_unknown_outcome_at_telegram_waits_for_a_person(
    gateway: Gateway, outside: Outside, deed: str, *, taken: bool
) -> None:
    """Whether it was taken cannot be told from here, so nothing is claimed and nothing is repeated."""
    to = recipient("telegram")
    outside.break_("telegram", deed, times=1, to=to, taken=taken)
    message = gateway.post("telegram", to)
    held = gateway.until(message, "unknown")
    assert [each["outcome"] for each in held["attempts"]] == ["unknown"]
    assert len(outside.received("telegram", to)) == int(taken)
    (letter,) = [each for each in gateway.client.get("/dead-letters").json()["letters"] if each["id"] == message]
    assert letter["state"] == "unknown"
    # The person looks, and decides: it has arrived, so let it be; or it has not, so send it.
    deed = "dismiss" if taken else "redrive"
    assert gateway.client.post(f"/messages/{message}/{deed}").is_success
    gateway.until(message, "dismissed" if taken else "sent")
    assert len(outside.received("telegram", to)) == 1
    again = gateway.client.post(f"/messages/{message}/{deed}")
    assert (again.status_code, again.json()["type"]) == (409, "urn:sallyport:problem:waits-for-nobody")


@EVERY
def test_a_poisonous_message_gets_out_of_the_way(gateway: Gateway, outside: Outside, channel: str) -> None:
    to, other = recipient(channel), recipient(channel)
    outside.break_(CHANNELS[channel], "refuse", times=1, to=to)
    first, second, third = (
        gateway.post(channel, to),
        gateway.post(channel, to, text="Behind"),
        gateway.post(channel, other),
    )
    gateway.until(first, "dead")
    gateway.until(second, "sent")
    gateway.until(third, "sent")
    (text,) = outside.texts(CHANNELS[channel], to)
    assert (
        message_from_string(text).get_payload(decode=True) == b"Behind\r\n" if channel == "email" else text == "Behind"
    )


def test_the_operators_door_is_not_the_publics(outside: Outside) -> None:
    with httpx.Client(verify=False, base_url=f"https://localhost:{outside.https}", trust_env=False) as public:  # noqa: S501
        assert public.get("/received").status_code == 404
        assert public.put("/faults/vk", json={"deed": "fail"}).status_code == 404
    wrong = outside.control.put("/faults/vk", json={"deed": "explode"})
    assert (wrong.status_code, wrong.json()["errors"][0]["at"]) == (422, "body.deed")


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
