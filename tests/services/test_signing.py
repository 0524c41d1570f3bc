"""Signatures: what is vouched for, and what is refused."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.signing import BadSignature, SigningKey

KEY = SigningKey("a key of more than 24 bytes")
BODY = '{"job": "1"}'


def headers(now: datetime | None = None, key: SigningKey = KEY) -> dict[str, str]:
    return key.sign("job-1", BODY, now or datetime.now(UTC))


def test_a_signed_message_is_accepted_with_its_id_and_time() -> None:
    now = datetime.now(UTC)
    signed = KEY.verify(BODY.encode(), headers(now))
    assert signed.message_id == "job-1"
    assert signed.signed_at == now.replace(microsecond=0)


def test_a_time_in_another_zone_is_the_same_time() -> None:
    from datetime import timezone

    now = datetime.now(timezone(timedelta(hours=7)))
    assert KEY.verify(BODY.encode(), headers(now)).signed_at == now.replace(microsecond=0)


def test_the_known_vector_of_the_standard() -> None:
    key = SigningKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', datetime.fromtimestamp(1614265330, UTC))
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("seconds", [-310, 310])
def test_a_time_too_far_away_is_refused(seconds: int) -> None:
    with pytest.raises(BadSignature, match="timestamp too"):
        KEY.verify(BODY.encode(), headers(datetime.now(UTC) + timedelta(seconds=seconds)))


@pytest.mark.parametrize("seconds", [-290, 290])
def test_a_time_within_the_tolerance_is_accepted(seconds: int) -> None:
    KEY.verify(BODY.encode(), headers(datetime.now(UTC) + timedelta(seconds=seconds)))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_refused(name: str) -> None:
    with pytest.raises(BadSignature, match="all needed"):
        KEY.verify(BODY.encode(), {key: value for key, value in headers().items() if key != name})


def test_another_key_another_id_another_body_are_refused() -> None:
    with pytest.raises(BadSignature):
        KEY.verify(BODY.encode(), headers(key=SigningKey("another key of enough bytes")))
    with pytest.raises(BadSignature):
        KEY.verify(BODY.encode(), headers() | {"webhook-id": "job-2"})
    with pytest.raises(BadSignature):
        KEY.verify(b'{"job": "2"}', headers())


@pytest.mark.parametrize("spelling", ["{}.0", "0{}", " {}", "{}e0", "+{}", "1e10", "nan", "inf", "-1", "٣"])
def test_a_time_has_one_spelling_only(spelling: str) -> None:
    given = headers()
    with pytest.raises(BadSignature):
        KEY.verify(BODY.encode(), given | {"webhook-timestamp": spelling.format(given["webhook-timestamp"])})


@pytest.mark.parametrize("signature", ["v1", "v1,", "v1,%%%", "v1,ü", ",", "v2,abcd", " ", "v1,a,b"])
def test_a_malformed_signature_is_refused(signature: str) -> None:
    with pytest.raises(BadSignature):
        KEY.verify(BODY.encode(), headers() | {"webhook-signature": signature})


def test_a_body_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(BadSignature, match="malformed"):
        KEY.verify(b"\xff\xfe", headers())


@given(signature=st.text(max_size=80), body=st.binary(max_size=80))
def test_nothing_made_up_is_ever_accepted(signature: str, body: bytes) -> None:
    with pytest.raises(BadSignature):
        KEY.verify(body, headers() | {"webhook-signature": signature})


def test_one_of_several_signatures_is_enough() -> None:
    given = headers()
    KEY.verify(BODY.encode(), given | {"webhook-signature": "v1,AAAA " + given["webhook-signature"]})


def test_a_key_is_checked() -> None:
    with pytest.raises(ValueError, match="at least 24"):
        SigningKey("short")
    with pytest.raises(ValueError, match="not base64"):
        SigningKey("whsec_a")
    SigningKey("whsec_" + base64.b64encode(bytes(24)).decode())
