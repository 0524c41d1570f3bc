"""Idempotency-Key: a call that is sent twice, because its answer was lost, does its work once."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.main.entrypoints.idempotency import REPLAYED
from services.transport import IDEMPOTENCY_KEY as HEADER
from tests.services.api import Api, refused

OFFER = {"price": "1.00", "is_growing": True, "picture": "altay-grain.svg"}


@pytest.fixture
def moderator(api: Api) -> Iterator[httpx.Client]:
    with api.signed_in("moderator") as client:
        yield client


def offer() -> dict[str, Any]:
    return {"company": f"Company {uuid4()}", **OFFER}


def test_the_same_call_gets_the_same_answer(moderator: httpx.Client) -> None:
    wanted, key = offer(), str(uuid4())
    first = moderator.post("/stocks", json=wanted, headers={HEADER: key})
    # The draft quotes the key, most clients do not: it is the same key.
    again = moderator.post("/stocks", json=wanted, headers={HEADER: f'"{key}"'})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    for name in ("Content-Type", "ETag", "Location"):
        assert first.headers[name] == again.headers[name]
    assert (first.headers.get(REPLAYED), again.headers.get(REPLAYED)) == (None, "true")
    refused(moderator.post("/stocks", json=wanted), 409, "company-taken")


def test_an_answer_without_content_is_given_again(moderator: httpx.Client) -> None:
    path = moderator.post("/stocks", json=offer()).headers["Location"]
    headers = {HEADER: str(uuid4()), "If-Match": "*"}
    answers = [moderator.delete(path, headers=headers) for _ in range(2)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2
    refused(moderator.delete(path, headers={"If-Match": "*"}), 404, "not-found")


def test_a_click_that_is_sent_again_counts_once(api: Api) -> None:
    with api.signed_in() as creator:
        draft = api.fresh_draft(creator)
        headers = {HEADER: str(uuid4())}
        answers = [creator.post("/stocks/2/draft", headers=headers) for _ in range(3)]
        assert {answer.text for answer in answers} == {f'{{"draft_id":{draft}}}'}
        items = creator.get(f"/requests/{draft}").json()["items"]
        assert {item["stock_id"]: item["quantity"] for item in items} == {1: 1, 2: 1}


def test_a_form_that_is_sent_again_forms_once(api: Api) -> None:
    with api.signed_in() as creator:
        draft = api.fresh_draft(creator)
        headers = {HEADER: str(uuid4())}
        answers = [creator.put(f"/requests/{draft}/form", headers=headers) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [202, 202]
        refused(creator.put(f"/requests/{draft}/form"), 409, "wrong-state")
    with api.cluster.connect(api.database) as connection:
        query = "SELECT count(*) FROM main.outbox WHERE payload->>'request' = %s"
        assert connection.execute(query, [str(draft)]).fetchone() == (1,)


def test_a_key_stands_for_one_call(moderator: httpx.Client) -> None:
    wanted, headers = offer(), {HEADER: str(uuid4())}
    assert moderator.post("/stocks", json=wanted, headers=headers).status_code == 201
    refused(moderator.post("/stocks", json=wanted | {"price": "2.00"}, headers=headers), 422, "key-reused")
    refused(moderator.post("/stocks?x=1", json=wanted, headers=headers), 422, "key-reused")
    refused(moderator.put("/requests/1/reject", headers=headers), 422, "key-reused")


def test_a_key_belongs_to_its_user(api: Api) -> None:
    headers = {HEADER: str(uuid4())}
    with api.signed_in() as creator, api.signed_in("second") as second, api.guest() as guest:
        mine = creator.post("/stocks/1/draft", headers=headers)
        theirs = second.post("/stocks/1/draft", headers=headers)
        assert REPLAYED not in theirs.headers
        assert mine.json() != theirs.json()
        refused(guest.post("/stocks/1/draft", headers=headers), 401, "sign-in-needed")


def test_a_refusal_did_nothing_and_is_not_remembered(moderator: httpx.Client) -> None:
    wanted = offer()
    path = moderator.post("/stocks", json=wanted).headers["Location"]
    headers = {HEADER: str(uuid4())}
    refused(moderator.post("/stocks", json=wanted, headers=headers), 409, "company-taken")
    assert moderator.delete(path, headers={"If-Match": "*"}).status_code == 204
    assert moderator.post("/stocks", json=wanted, headers=headers).status_code == 201


def test_of_many_at_once_one_does_the_work(api: Api) -> None:
    with api.signed_in() as creator:
        draft = api.fresh_draft(creator)
        headers = {HEADER: str(uuid4())}
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: creator.post("/stocks/3/draft", headers=headers), range(16)))
        for answer in answers:
            if answer.status_code != 200:
                refused(answer, 409, "call-in-progress")
        assert any(answer.status_code == 200 for answer in answers)
        items = creator.get(f"/requests/{draft}").json()["items"]
        assert {item["stock_id"]: item["quantity"] for item in items} == {1: 1, 3: 1}


def test_while_the_first_is_under_way_the_second_is_told_so(api: Api) -> None:
    with api.signed_in() as creator, api.cluster.connect(api.database) as connection:
        draft = api.fresh_draft(creator)
        headers = {HEADER: str(uuid4())}
        with ThreadPoolExecutor(1) as pool, connection.transaction():
            connection.execute("SELECT FROM main.requests WHERE id = %s FOR UPDATE", [draft])
            first = pool.submit(creator.put, f"/requests/{draft}/form", headers=headers)
            with api.cluster.connect(api.database) as other:
                while not other.execute(
                    "SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND database ="
                    " (SELECT oid FROM pg_database WHERE datname = current_database())"
                ).rowcount:
                    pass
            refused(creator.put(f"/requests/{draft}/form", headers=headers), 409, "call-in-progress")
        assert first.result().status_code == 202
        assert creator.put(f"/requests/{draft}/form", headers=headers).headers[REPLAYED] == "true"


def test_a_key_is_forgotten_after_a_day(api: Api, moderator: httpx.Client) -> None:
    wanted, headers = offer(), {HEADER: str(uuid4())}
    assert moderator.post("/stocks", json=wanted, headers=headers).status_code == 201
    with api.cluster.connect(api.database) as connection:
        connection.execute("UPDATE main.kept_answers SET kept_at = kept_at - interval '25 hours'")
    refused(moderator.post("/stocks", json=wanted, headers=headers), 409, "company-taken")
    moderator.post("/stocks", json=offer(), headers={HEADER: str(uuid4())})
    with api.cluster.connect(api.database) as connection:
        assert connection.execute("SELECT count(*) FROM main.kept_answers").fetchone() == (1,)


@pytest.mark.parametrize("key", ["", "a b", '"', '"a', "x" * 129, "<script>", "é"])
def test_a_key_has_a_form(api: Api, key: str) -> None:
    with api.signed_in() as creator:
        answer = creator.post("/stocks/1/draft", headers={HEADER.encode(): key.encode()})
        refused(answer, 400, "bad-idempotency-key")


def test_a_key_opens_no_door(api: Api) -> None:
    """The guards stand before what a key does."""
    with api.signed_in() as creator:
        headers = {HEADER: str(uuid4()), "Origin": "https://evil.example"}
        refused(creator.post("/stocks/1/draft", headers=headers), 403, "foreign-origin")
        answer = creator.post("/stocks/1/draft", headers={HEADER: headers[HEADER]})
        assert REPLAYED not in answer.headers


def test_what_a_killed_process_did_is_either_whole_or_not_there(api: Api) -> None:
    """Work and answer commit together: where the answer cannot be kept, nothing was done."""
    with api.signed_in("moderator") as moderator, api.cluster.connect(api.database) as connection:
        wanted, headers = offer(), {HEADER: str(uuid4())}
        connection.execute("ALTER TABLE main.kept_answers ADD CONSTRAINT full_up CHECK (false) NOT VALID")
        try:
            refused(moderator.post("/stocks", json=wanted, headers=headers), 500, None)
        finally:
            connection.execute("ALTER TABLE main.kept_answers DROP CONSTRAINT full_up")
        found = moderator.get("/stocks", params={"q": wanted["company"]})
        assert json.loads(found.text)["stocks"] == []
        assert moderator.post("/stocks", json=wanted, headers=headers).status_code == 201
