"""The async service as a process, with a receiver that the tests control."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.signing import SigningKey
from tests.services.certificates import Certificates
from tests.services.cluster import Cluster
from tests.services.peer import Answer, Call, Peer, listening
from tests.services.ports import free_port
from tests.services.processes import SECRETS, Launcher, Service, eventually

KEY = SigningKey(SECRETS["callback_signing_key"])


@dataclass
class Status:
    launcher: Launcher
    cluster: Cluster
    database: str
    service: Service
    url: str
    client: httpx.Client

    def post(self, **body: object) -> httpx.Response:
        return self.client.post("/set-status/", json=body)

    def jobs(self) -> list[tuple[Any, ...]]:
        """(id, state, attempts, result), in the order of arrival."""
        with self.cluster.connect(self.database) as connection:
            query = "SELECT id::text, state, attempts, result FROM status.jobs ORDER BY accepted_at"
            return connection.execute(query).fetchall()

    def settled(self) -> list[tuple[Any, ...]]:
        def probe() -> list[tuple[Any, ...]] | None:
            jobs = self.jobs()
            return jobs if jobs and all(state != "waiting" for _, state, _, _ in jobs) else None

        return eventually(probe, what="the end of all jobs")


def started(launcher: Launcher, cluster: Cluster, database: str, callback_url: str, **settings: str) -> Status:
    service, url = launcher.status(database, callback_url, **settings)
    launcher.start(service, url)
    client = launcher.client(url, Authorization=f"Bearer {SECRETS['set_status_token']}")
    return Status(launcher, cluster, database, service, url, client)


def calls(peer: Peer, count: int) -> list[Call]:
    return eventually(lambda: peer.calls[:count] if len(peer.calls) >= count else None, what=f"{count} calls")


@pytest.fixture(scope="module")
def status(module_launcher: Launcher, cluster: Cluster, module_database: str) -> Status:
    """One whose callbacks go nowhere, for what concerns the hand-over alone."""
    nowhere = f"https://localhost:{free_port()}"
    return started(module_launcher, cluster, module_database, nowhere, SP_DEFER_SECONDS="3600")


def kind(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].removeprefix("urn:sallyport:problem:")


def test_a_job_is_on_disk_before_it_is_accepted_and_is_the_same_when_sent_again(status: Status) -> None:
    job = str(uuid4())
    for _ in range(2):
        answer = status.post(pk=3, job=job, request=7)
        assert (answer.status_code, answer.json()) == (202, {"job": job})
        assert [each[:3] for each in status.jobs() if each[0] == job] == [(job, "waiting", 0)]
    assert kind(status.post(pk=4, job=job, request=7)) == (409, "another-job")
    assert kind(status.post(pk=3, job=job)) == (409, "another-job")


def test_a_plain_pk_is_a_job_too(status: Status) -> None:
    first, second = status.post(pk=3).json()["job"], status.post(pk=3).json()["job"]
    assert first != second


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Basic x", f"Bearer {SECRETS['callback_token']}"])
def test_a_wrong_token_is_refused_before_all_else(status: Status, authorization: str) -> None:
    answer = status.client.post("/set-status/", content=b"\xff", headers={"Authorization": authorization})
    assert kind(answer) == (401, "token-refused")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"pk": "3"},
        {"pk": 0},
        {"pk": True},
        {"pk": 3.5},
        {"pk": 2**63},
        {"pk": 3, "job": "x"},
        {"pk": 3, "result": "growing"},
    ],
)
def test_wrong_and_extra_fields_are_refused(status: Status, body: dict[str, object]) -> None:
    assert kind(status.post(**body)) == (422, "invalid-fields")


def test_bad_bodies(status: Status) -> None:
    def post(content: bytes, media_type: str = "application/json") -> tuple[int, str]:
        return kind(status.client.post("/set-status/", content=content, headers={"Content-Type": media_type}))

    assert post(b'{"pk": 3, "x": "\xff"}') == (400, "not-json")
    assert post(b"{") == (400, "not-json")
    assert post(b'{"pk": 3' + b" " * 4096 + b"}") == (413, "about:blank")
    assert post(b"pk=3", "application/x-www-form-urlencoded") == (415, "about:blank")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("POST", "/set-status", 404), ("POST", "//set-status/", 404), ("GET", "/set-status/", 405), ("GET", "/docs", 404)],
)
def test_other_paths_and_methods(status: Status, method: str, path: str, code: int) -> None:
    assert kind(status.client.request(method, path)) == (code, "about:blank")


def test_the_callback_is_signed_bound_to_the_job_and_made_once(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    with listening(certificates, Answer(200)) as peer:
        status = started(launcher, cluster, database, peer.url, SP_RESULT_SEED="a seed")
        job = str(uuid4())
        status.client.post(
            "/set-status/",
            json={"pk": 3, "job": job, "request": 7},
            headers={"X-Request-ID": "deed-0001", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"},
        )
        (call,) = calls(peer, 1)
        assert (call.method, call.path) == ("PUT", "/stocks/3/put")
        assert call.headers["authorization"] == f"Bearer {SECRETS['callback_token']}"
        assert call.headers["x-request-id"] == "deed-0001"
        assert KEY.verify(call.body, call.headers).message_id == job
        body = json.loads(call.body)
        assert status.settled() == [(job, "delivered", 1, body["result"])]
        assert {key: body[key] for key in ("job", "request")} == {"job": job, "request": 7}
        received, accepted, drawn = (
            datetime.fromisoformat(body[f"{key}_at"]) for key in ("received", "accepted", "drawn")
        )
        assert received < accepted
        assert (drawn - accepted).total_seconds() >= 0.3
        assert call.headers["traceparent"].startswith(f"00-{'a' * 32}-")
        assert len(peer.calls) == 1


def test_a_main_service_that_keeps_no_timeline_is_told_the_result_alone(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    """One from before the timeline refuses fields that it does not know, and the worker is updated first."""
    with listening(certificates, Answer(200)) as peer:
        started(launcher, cluster, database, peer.url).post(pk=3, job=str(uuid4()), request=7)
        (call,) = calls(peer, 1)
        assert set(json.loads(call.body)) == {"job", "request", "result"}


@pytest.mark.thorough
def test_retries_say_the_same_signed_anew_and_wait_as_asked(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    with listening(certificates, Answer(500), Answer(429, {"Retry-After": "2"}), Answer(200)) as peer:
        status = started(launcher, cluster, database, peer.url)
        status.post(pk=3, job=str(uuid4()), request=7)
        first, second, third = calls(peer, 3)
        assert first.body == second.body == third.body
        assert len({call.headers["webhook-timestamp"] for call in (first, second, third)}) == 3
        assert len({call.headers["webhook-id"] for call in (first, second, third)}) == 1
        assert second.at - first.at >= 1.0
        assert third.at - second.at >= 2.0
        assert [job[1:3] for job in status.settled()] == [("delivered", 3)]


def test_a_refusal_is_a_dead_letter_at_once(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    with listening(certificates, Answer(409)) as peer:
        status = started(launcher, cluster, database, peer.url)
        status.post(pk=3, job=str(uuid4()), request=7)
        assert [job[1:3] for job in status.settled()] == [("dead", 1)]
        assert len(peer.calls) == 1
        with cluster.connect(database) as connection:
            assert connection.execute("SELECT last_error FROM status.jobs").fetchone() == ("answered 409",)


@pytest.mark.thorough
def test_kill_9_in_the_midst_of_a_callback_reports_again_with_the_same_result(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    with listening(certificates, Answer(200, hold=60), Answer(200)) as peer:
        status = started(launcher, cluster, database, peer.url, SP_LEASE_SECONDS="2")
        status.post(pk=3, job=str(uuid4()), request=7)
        calls(peer, 1)
        status.service.kill()
        launcher.start(status.service, status.url)
        first, second = calls(peer, 2)
        assert first.body == second.body
        assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
        assert [job[1:3] for job in status.settled()] == [("delivered", 2)]


@pytest.mark.thorough
def test_a_clean_stop_finishes_what_is_quick_and_gives_the_rest_back(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    with listening(certificates, Answer(200, hold=0.5), Answer(200, hold=60), Answer(200)) as peer:
        # A lease far longer than the test: what comes again was given back, it did not run out.
        status = started(launcher, cluster, database, peer.url, SP_LEASE_SECONDS="600")
        for stock in (1, 2):
            status.post(pk=stock, job=str(uuid4()), request=7)
        calls(peer, 2)
        assert status.service.stop() == 0
        assert sorted(job[1:3] for job in status.jobs()) == [("delivered", 1), ("waiting", 1)]
        launcher.start(status.service, status.url)
        assert sorted(job[1:3] for job in status.settled()) == [("delivered", 1), ("delivered", 2)]
        assert len({call.headers["webhook-timestamp"] + call.path for call in peer.calls}) == 3


@pytest.mark.thorough
def test_a_receiver_with_a_foreign_certificate_gets_nothing(
    launcher: Launcher, cluster: Cluster, database: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from tests.services.certificates import make

    with listening(make(tmp_path_factory.mktemp("foreign")), Answer(200)) as peer:
        status = started(launcher, cluster, database, peer.url)
        status.post(pk=3, job=str(uuid4()), request=7)
        status.service.wait_for("to be sent again")
        assert peer.calls == []
    (line,) = [line for line in status.service.lines() if line["message"] == "to be sent again"][:1]
    assert "CERTIFICATE_VERIFY_FAILED" in line["reason"]


def test_it_does_not_start_without_its_secrets_and_says_so(launcher: Launcher, database: str) -> None:
    service, _ = launcher.status(database, "http://plain:1", CREDENTIALS_DIRECTORY="/nonexistent")
    service.start()
    assert service.process is not None
    assert service.process.wait(10) == 2
    service.process = None
    told = service.errors.read_text()
    assert "settings: SP_CALLBACK_URL: 'http://plain:1' is not like https://host:port" in told
    assert "settings: credential callback_token: nothing in /nonexistent/callback_token" in told
    assert "Traceback" not in told


def test_no_secret_gets_into_the_log(status: Status) -> None:
    assert status.post(pk=3).status_code == 202
    told = status.service.log.read_text() + status.service.errors.read_text()
    assert "job accepted" in told
    for secret in (*SECRETS.values(), status.cluster.password):
        assert secret not in told
