"""The callback, with the walls before it removed: what main itself and the database refuse."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.signing import SigningKey
from tests.services.cluster import APP_USERS, Cluster
from tests.services.processes import SECRETS, Launcher

KEY = SigningKey(SECRETS["callback_signing_key"])
TOKEN = SECRETS["callback_token"]


@dataclass
class Waiting:
    """A formed request with two items, each waiting for its job."""

    client: httpx.Client
    creator: httpx.Client
    request: int
    jobs: dict[int, UUID]

    def results(self) -> dict[int, str | None]:
        items = self.creator.get(f"/requests/{self.request}").json()["items"]
        return {item["stock_id"]: item["result"] for item in items}

    def body(self, stock: int, **changes: Any) -> dict[str, Any]:
        return {"job": str(self.jobs[stock]), "request": self.request, "result": "growing"} | changes

    def put(
        self,
        stock: int,
        body: dict[str, Any] | bytes,
        *,
        token: str = TOKEN,
        message_id: str = "",
        now: datetime | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> httpx.Response:
        """A well-signed call, except for what the test changes."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        message_id = message_id or (str(body["job"]) if isinstance(body, dict) and "job" in body else "none")
        signed = KEY.sign(message_id, content.decode("utf-8", "replace"), now or datetime.now(UTC))
        sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} | signed | dict(headers)
        kept = {name: value for name, value in sent.items() if value}
        return self.client.put(f"/stocks/{stock}/put", content=content, headers=kept)


@pytest.fixture(scope="module")
def main(module_launcher: Launcher, module_database: str) -> str:
    service, url = module_launcher.main(module_database)
    module_launcher.start(service, url)
    return url


@pytest.fixture
def waiting(main: str, module_launcher: Launcher, cluster: Cluster, module_database: str) -> Iterator[Waiting]:
    with module_launcher.client(main) as client, module_launcher.client(main, Origin=main) as creator:
        creator.post("/login", json={"name": "creator", "password": APP_USERS["creator"]})
        creator.post("/stocks/1/draft")
        draft = creator.post("/stocks/2/draft").json()["draft_id"]
        creator.put(f"/requests/{draft}/form")
        with cluster.connect(module_database) as connection:
            query = "SELECT stock_id, job_id FROM main.request_items WHERE request_id = %s"
            jobs: dict[int, UUID] = dict(connection.execute(query, [draft]).fetchall())
        yield Waiting(client, creator, draft, jobs)


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:sallyport:problem:")


def test_the_right_call_sets_the_result_of_its_item_only(waiting: Waiting) -> None:
    answer = waiting.put(1, waiting.body(1))
    assert (answer.status_code, answer.json()) == (200, {"job": str(waiting.jobs[1]), "applied": True})
    assert waiting.results() == {1: "growing", 2: None}


def test_the_previous_token_is_still_valid(waiting: Waiting) -> None:
    assert waiting.put(1, waiting.body(1), token=SECRETS["callback_token_previous"]).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer  {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9"],
)
def test_a_wrong_token_is_refused_before_all_else(waiting: Waiting, authorization: str) -> None:
    headers = [(b"authorization", authorization.encode("latin-1"))] if authorization else []
    for path in ("/stocks/1/put", "/stocks/x/put"):
        answer = waiting.client.put(path, content=b"\xff not json", headers=headers)
        assert kind(answer) == (401, "token-refused")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_signature_is_needed_as_well_as_the_token(waiting: Waiting) -> None:
    body = waiting.body(1)
    for changes in ({"webhook-signature": ""}, {"webhook-signature": "v1,AAAA"}, {"webhook-id": str(uuid4())}):
        assert kind(waiting.put(1, body, headers=changes)) == (401, "signature-refused")
    other = SigningKey("some other key of 24 bytes or more").sign(body["job"], json.dumps(body), datetime.now(UTC))
    assert kind(waiting.put(1, body, headers=other)) == (401, "signature-refused")
    assert waiting.results() == {1: None, 2: None}


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_is_minutes_off_is_refused_clearly(waiting: Waiting, minutes: int) -> None:
    answer = waiting.put(1, waiting.body(1), now=datetime.now(UTC) + timedelta(minutes=minutes))
    assert kind(answer) == (401, "signature-refused")
    assert "timestamp too" in answer.json()["detail"]
    assert waiting.results() == {1: None, 2: None}


def test_a_signature_holds_for_one_job(waiting: Waiting) -> None:
    answer = waiting.put(1, waiting.body(1), message_id=str(waiting.jobs[2]))
    assert kind(answer) == (401, "signature-refused")


def test_a_replay_is_refused(waiting: Waiting) -> None:
    now = datetime.now(UTC)
    assert waiting.put(1, waiting.body(1), now=now).status_code == 200
    for _ in range(2):
        assert kind(waiting.put(1, waiting.body(1), now=now)) == (409, "replayed")


def test_a_late_duplicate_signed_anew_changes_nothing(waiting: Waiting) -> None:
    now = datetime.now(UTC)
    waiting.put(1, waiting.body(1), now=now)
    answer = waiting.put(1, waiting.body(1), now=now + timedelta(seconds=1))
    assert (answer.status_code, answer.json()["applied"]) == (200, False)


def test_a_result_once_set_stays(waiting: Waiting) -> None:
    now = datetime.now(UTC)
    waiting.put(1, waiting.body(1), now=now)
    changed = waiting.put(1, waiting.body(1, result="falling"), now=now + timedelta(seconds=1))
    assert kind(changed) == (409, "no-waiting-job")
    assert waiting.results() == {1: "growing", 2: None}


def test_another_stocks_job_another_request_and_a_stranger_are_refused(waiting: Waiting) -> None:
    assert kind(waiting.put(2, waiting.body(1))) == (409, "no-waiting-job")
    assert kind(waiting.put(1, waiting.body(1, request=waiting.request + 1))) == (409, "no-waiting-job")
    assert kind(waiting.put(1, waiting.body(1, request=None))) == (409, "no-waiting-job")
    assert kind(waiting.put(1, waiting.body(1, job=str(uuid4())))) == (409, "no-waiting-job")
    assert waiting.results() == {1: None, 2: None}


def test_a_refused_message_is_not_used_up(waiting: Waiting) -> None:
    now = datetime.now(UTC)
    assert waiting.put(2, waiting.body(1), now=now).status_code == 409
    assert waiting.put(1, waiting.body(1), now=now).status_code == 200


@pytest.mark.parametrize(("state", "moderator"), [("completed", 1), ("deleted", None)])
def test_a_request_that_ended_waits_no_more(
    waiting: Waiting, cluster: Cluster, module_database: str, state: str, moderator: int | None
) -> None:
    """Such a request cannot come about; the guard does not rely on that."""
    with cluster.connect(module_database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "UPDATE main.requests SET state = %s, closed_at = now(), moderator_id = %s WHERE id = %s",
            [state, moderator, waiting.request],
        )
    assert kind(waiting.put(1, waiting.body(1))) == (409, "no-waiting-job")


def test_a_result_that_comes_after_the_rejection_is_taken(
    waiting: Waiting, cluster: Cluster, module_database: str
) -> None:
    with cluster.connect(module_database) as connection:
        connection.execute(
            "UPDATE main.requests SET state = 'rejected', closed_at = now(), moderator_id = 1 WHERE id = %s",
            [waiting.request],
        )
    assert waiting.put(1, waiting.body(1)).json()["applied"] is True


@pytest.mark.parametrize(
    "changes",
    [
        {"price": "1.00"},
        {"is_growing": True},
        {"result": "great"},
        {"result": True},
        {"result": None},
        {"request": "1"},
        {"request": 0},
        {"request": 2**63},
        {"job": 7},
    ],
)
def test_wrong_and_extra_fields_are_refused(waiting: Waiting, changes: dict[str, Any]) -> None:
    assert kind(waiting.put(1, waiting.body(1, **changes))) == (422, "invalid-fields")
    assert waiting.results() == {1: None, 2: None}


def test_bodies_that_are_no_json(waiting: Waiting) -> None:
    assert kind(waiting.put(1, b"{")) == (400, "not-json")
    assert kind(waiting.put(1, b"")) == (400, "not-json")
    assert kind(waiting.put(1, b'{"job": "\xff"}')) == (401, "signature-refused")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert kind(waiting.put(1, b"result=growing", headers=form)) == (415, "about:blank")
    assert kind(waiting.put(1, b" " * 4097)) == (413, "about:blank")


def test_a_session_does_not_open_this_door(waiting: Waiting) -> None:
    assert kind(waiting.creator.put("/stocks/1/put", json=waiting.body(1))) == (401, "token-refused")


def test_many_at_once_set_the_result_once(waiting: Waiting) -> None:
    from concurrent.futures import ThreadPoolExecutor

    now = datetime.now(UTC)
    moments = [now + timedelta(seconds=number % 4) for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda moment: waiting.put(1, waiting.body(1), now=moment), moments))
    told = sorted((answer.status_code, answer.json().get("applied")) for answer in answers if answer.status_code == 200)
    assert told == [(200, False)] * 3 + [(200, True)]
    assert sum(answer.status_code == 409 for answer in answers) == 12
