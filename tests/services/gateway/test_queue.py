"""The queue API: durable before 202, one message for one key, and every error a problem that says what to do."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString
from uuid import uuid4

import httpx
import pytest

from tests.services.broker.servers import Server
from tests.services.cluster import Cluster
from tests.services.gateway.gateway import DRAFTS, TOKEN, Gateway, make, recipient
from tests.services.gateway.outside import Outside
from tests.services.processes import Launcher

KEY = "Idempotency-Key"


@pytest.fixture(scope="module")
def queue(
    module_launcher: Launcher, cluster: Cluster, module_database: str, outside: Outside, broker: Server
) -> Gateway:
    """The queue API alone: nothing is sent."""
    found = make(module_launcher, cluster, module_database, outside, broker.settings)
    module_launcher.start(found.queue, found.url)
    return found


def ask(queue: Gateway, body: object, key: str | None = None) -> httpx.Response:
    return queue.client.post("/messages", json=body, headers={KEY: key or str(uuid4())})


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    return answer.status_code, str(answer.json()["type"]).removeprefix("urn:sallyport:problem:")


def rows(queue: Gateway, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
    with queue.cluster.connect(queue.database, schema="gateway") as connection:
        return connection.execute(query, values).fetchall()


def test_a_message_is_on_disk_with_its_answer(queue: Gateway) -> None:
    to = recipient("email")
    answer = ask(queue, DRAFTS["email"] | {"to": to, "text": None, "template": "Hi {{ n }}", "variables": {"n": "A"}})
    assert answer.status_code == 202
    message = answer.json()["id"]
    assert answer.headers["Location"] == f"/messages/{message}"
    assert rows(queue, "SELECT body, state FROM messages WHERE id = %s", message) == [("Hi A", "waiting")]
    found = queue.message(message)
    assert (found["to"], found["subject"], found["text"], found["attempts"]) == (to, "Привет", "Hi A", [])


def test_one_key_is_one_message(queue: Gateway) -> None:
    body, key = DRAFTS["vk"] | {"to": recipient("vk")}, str(uuid4())
    first, second = (ask(queue, body, key) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert ask(queue, body, f'"{key}"').json() == first.json()
    assert problem(ask(queue, body | {"text": "Another"}, key)) == (422, "key-reused")
    assert queue.message(first.json()["id"])["text"] == body["text"]


def test_of_many_at_once_with_one_key_there_is_one(queue: Gateway) -> None:
    body, key = DRAFTS["vk"] | {"to": recipient("vk")}, str(uuid4())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(queue, body, key), range(16)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_of_many_at_once_with_one_key_and_other_words_one_is_taken(queue: Gateway) -> None:
    to, key = recipient("vk"), str(uuid4())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: ask(queue, DRAFTS["vk"] | {"to": to, "text": f"{n}"}, key), range(16)))
    assert sorted(answer.status_code for answer in answers) == [202] + [422] * 15
    assert len(rows(queue, "SELECT body, state FROM messages WHERE recipient = %s", to)) == 1


def test_messages_keep_the_order_in_which_they_were_accepted(queue: Gateway) -> None:
    to = recipient("vk")
    wanted = [queue.post("vk", to, text=str(number)) for number in range(20)]
    found = [str(row[0]) for row in rows(queue, "SELECT id FROM messages WHERE recipient = %s ORDER BY place", to)]
    assert found == wanted


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"channel": "fax"}, "channel"),
        ({"channel": "telegram", "to": "1"}, "subject"),
        ({"to": "nobody"}, "to"),
        ({"to": 5}, "to"),
        ({"text": ""}, "text"),
        ({"text": "a" * 20_001}, "text"),
        ({"text": None}, "text"),
        ({"text": None, "template": "{{ missing }}"}, "template"),
        ({"priority": "high"}, "priority"),
    ],
)
def test_a_wrong_field_is_named(queue: Gateway, body: dict[str, object], at: str) -> None:
    before = rows(queue, "SELECT count(*) FROM messages")
    answer = ask(queue, DRAFTS["email"] | {"to": recipient("email")} | body)
    assert problem(answer) == (422, "invalid-fields")
    assert [each["at"] for each in answer.json()["errors"]] == [at]
    assert rows(queue, "SELECT count(*) FROM messages") == before


def test_a_broken_template_says_where_and_why(queue: Gateway) -> None:
    body = DRAFTS["vk"] | {"to": "1", "text": None, "template": "Hello,\n{{ name }}", "variables": {"nome": "Anna"}}
    assert ask(queue, body).json()["errors"] == [{"at": "template", "message": "'name' is undefined. (line 2)"}]


def test_calls_that_are_wrong_in_other_ways(queue: Gateway) -> None:
    body = DRAFTS["vk"] | {"to": "1"}
    post = queue.client.post
    assert problem(post("/messages", json=body)) == (400, "idempotency-key-missing")
    assert problem(ask(queue, body, "a key with blanks")) == (400, "bad-idempotency-key")
    json_type = {KEY: "1", "Content-Type": "application/json"}
    assert problem(post("/messages", content=b"{", headers=json_type)) == (400, "not-json")
    assert problem(post("/messages", content=b'{"to": "\xff"}', headers=json_type)) == (400, "not-json")
    assert problem(post("/messages", data={"to": "1"}, headers={KEY: "1"}))[0] == 415
    huge = json.dumps(body | {"text": "a" * 200_000}).encode()
    assert problem(post("/messages", content=huge, headers=json_type))[0] == 413
    assert problem(queue.client.get(f"/messages/{uuid4()}")) == (404, "no-such-message")
    assert problem(post(f"/messages/{uuid4()}/redrive")) == (404, "no-such-message")
    assert problem(queue.client.get("/messages/17")) == (422, "invalid-fields")
    assert problem(queue.client.get("/dead-letters?limit=0")) == (422, "invalid-fields")
    assert problem(queue.client.get("/dead-letters?before=x")) == (422, "invalid-fields")
    assert problem(queue.client.put("/messages"))[0] == 405


def test_what_waits_for_nobody_can_be_neither_sent_again_nor_let_be(queue: Gateway) -> None:
    message = queue.post("vk", recipient("vk"))
    for deed in ("redrive", "dismiss"):
        answer = queue.client.post(f"/messages/{message}/{deed}")
        assert problem(answer) == (409, "waits-for-nobody")
        assert "is waiting" in answer.json()["detail"]


def test_without_the_token_nothing_is_learnt(queue: Gateway) -> None:
    message = queue.post("vk", recipient("vk"))
    for authorization in ("", "Bearer wrong", f"Basic {TOKEN}", TOKEN):
        headers = {"Authorization": authorization}
        for call in (
            queue.client.get(f"/messages/{message}", headers=headers),
            queue.client.get("/dead-letters", headers=headers),
            queue.client.post("/messages", json={"nonsense": True}, headers=headers),
            queue.client.post(f"/messages/{message}/redrive", headers=headers),
        ):
            assert problem(call) == (401, "token-refused")


def test_dead_letters_come_in_pages_the_youngest_first(queue: Gateway) -> None:
    wanted = [queue.post("vk", recipient("vk")) for _ in range(7)]
    with queue.cluster.connect(queue.database, schema="gateway") as connection:
        connection.execute(
            "UPDATE messages SET state = 'dead', settled_at = now(), last_error = 'no' WHERE id = ANY (%s::uuid[])",
            [wanted],
        )
    found: list[str] = []
    target: str | None = "/dead-letters?limit=3"
    while target:
        page = queue.client.get(target).json()
        assert len(page["letters"]) <= 3
        found += [each["id"] for each in page["letters"]]
        target = page["next"]
    assert found == wanted[::-1]


def test_a_channel_that_is_not_set_up_is_refused(
    launcher: Launcher, cluster: Cluster, database: str, outside: Outside, broker: Server
) -> None:
    found = make(launcher, cluster, database, outside, broker.settings)
    found.queue.environment["SP_CHANNELS"] = "email"
    launcher.start(found.queue, found.url)
    answer = ask(found, DRAFTS["vk"] | {"to": "1"})
    assert answer.json()["errors"] == [
        {"at": "channel", "message": "vk is not set up here; there are email."},
    ]


def test_wrong_settings_are_told_all_at_once(launcher: Launcher) -> None:
    service = launcher.service("services.gateway.sender", "x", "x", SP_CHANNELS="email fax", SP_VK_AFTER_UNKNOWN="pray")
    service.environment |= {"SP_SEND_SECONDS": "29", "SP_BROKER_KIND": "pigeon", "SP_KEEP_KEYS_DAYS": "29"}
    service.start()
    assert service.process is not None
    assert service.process.wait(20) == 2
    service.process = None
    told = service.errors.read_text()
    for fault in (
        "SP_CHANNELS: 'fax'",
        "SP_VK_AFTER_UNKNOWN: 'pray'",
        "SP_SEND_SECONDS: 29",
        "SP_BROKER_KIND: 'pigeon'",
        "SP_KEEP_KEYS_DAYS: 29",
    ):
        assert fault in told
    assert "Traceback" not in told
