"""The whole way: main, relay and async service as processes of their own, over TLS, on one database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

from tests.services.cluster import APP_USERS, Cluster
from tests.services.ports import free_port
from tests.services.processes import Launcher, Service, eventually

pytestmark = pytest.mark.thorough


@dataclass
class Town:
    """All processes of one environment."""

    launcher: Launcher
    cluster: Cluster
    database: str
    main: Service
    relay: Service
    status: Service
    url: str
    status_url: str

    @contextmanager
    def signed_in(self, name: str = "creator") -> Iterator[httpx.Client]:
        with self.launcher.client(self.url, Origin=self.url) as client:
            answer = client.post("/login", json={"name": name, "password": APP_USERS[name]})
            assert answer.status_code == 200, answer.text
            yield client

    def formed(self, client: httpx.Client, *stocks: int, correlation: str = "") -> int:
        for stock in stocks:
            draft = client.post(f"/stocks/{stock}/draft").json()["draft_id"]
        headers = {"X-Request-ID": correlation} if correlation else {}
        assert client.put(f"/requests/{draft}/form", headers=headers).status_code == 202
        return int(draft)

    def results(self, client: httpx.Client, request: int) -> dict[int, str]:
        """The results once all are there."""

        def complete() -> dict[int, str] | None:
            items = client.get(f"/requests/{request}").json()["items"]
            return (
                {each["stock_id"]: each["result"] for each in items} if all(each["result"] for each in items) else None
            )

        return eventually(complete, what="all results")

    def receipts(self) -> int:
        with self.cluster.connect(self.database) as connection:
            row = connection.execute("SELECT count(*) FROM main.callback_receipts").fetchone()
        assert row is not None
        return int(row[0])


def build(launcher: Launcher, cluster: Cluster, database: str, **status_settings: str) -> Town:
    main, url = launcher.main(database)
    status, status_url = launcher.status(database, url, **status_settings)
    relay = launcher.relay(database, status_url, SP_LEASE_SECONDS="2")
    relay.start()
    launcher.start(status, status_url)
    launcher.start(main, url)
    return Town(launcher, cluster, database, main, relay, status, url, status_url)


@pytest.fixture(scope="module")
def town(module_launcher: Launcher, cluster: Cluster, module_database: str) -> Iterator[Town]:
    yield build(module_launcher, cluster, module_database, SP_RESULT_SEED="a seed")


def test_a_creator_forms_a_request_and_the_results_arrive(town: Town) -> None:
    with town.signed_in() as client:
        assert client.get("/requests/cart").json() == {"draft_id": None}
        stocks = [stock["id"] for stock in client.get("/stocks").json()["stocks"]]
        draft = client.post(f"/stocks/{stocks[0]}/draft").json()["draft_id"]
        client.post(f"/stocks/{stocks[0]}/draft")
        client.post(f"/stocks/{stocks[1]}/draft")
        assert client.get("/requests/cart").json() == {"draft_id": draft}

        formed = client.put(f"/requests/{draft}/form")
        assert formed.status_code == 202
        assert formed.json()["state"] == "formed"
        assert {item["stock_id"]: (item["quantity"], item["result"]) for item in formed.json()["items"]} == {
            stocks[0]: (2, None),
            stocks[1]: (1, None),
        }
        assert client.get("/requests/cart").json() == {"draft_id": None}
        results = town.results(client, draft)
        assert set(results) == set(stocks[:2])
        assert set(results.values()) <= {"growing", "falling"}


def test_the_request_id_travels_to_the_async_service_and_back(town: Town) -> None:
    correlation = "a-journey-0001"
    with town.signed_in() as client:
        town.results(client, town.formed(client, 1, correlation=correlation))

    def told(service: Service, message: str) -> bool:
        return any(line["message"] == message and line.get("request_id") == correlation for line in service.lines())

    eventually(lambda: told(town.status, "job accepted"), what="the id in the async service's log")
    eventually(lambda: told(town.status, "delivered"), what="the id in the async service's log")
    eventually(lambda: told(town.main, "result taken"), what="the id in main's log")
    eventually(lambda: told(town.relay, "delivered"), what="the id in the relay's log")


def test_kill_9_of_the_async_service_while_a_job_waits_loses_nothing(
    launcher: Launcher, cluster: Cluster, database: str
) -> None:
    town = build(launcher, cluster, database, SP_DEFER_SECONDS="1.5")
    with town.signed_in() as client:
        request = town.formed(client, 1, 2, 3)
        town.status.wait_for("job accepted", times=3)
        town.status.kill()
        assert [item["result"] for item in client.get(f"/requests/{request}").json()["items"]] == [None] * 3
        town.launcher.start(town.status, town.status_url)
        town.results(client, request)
    assert town.receipts() == 3


def test_kill_9_of_the_relay_and_an_absent_async_service_lose_nothing(
    launcher: Launcher, cluster: Cluster, database: str
) -> None:
    town = build(launcher, cluster, database)
    town.status.kill()
    with town.signed_in() as client:
        request = town.formed(client, 1, 2)
        town.relay.wait_for("to be sent again", times=2)
        town.relay.kill()
        town.relay.start()
        town.launcher.start(town.status, town.status_url)
        town.results(client, request)
    assert town.receipts() == 2


def test_main_starts_without_its_database_and_says_that_it_is_not_ready(launcher: Launcher, database: str) -> None:
    main, url = launcher.main(database, SP_DATABASE_PORT=str(free_port()))
    main.start()
    with launcher.client(url) as client:

        def answer() -> httpx.Response | None:
            try:
                return client.get("/health/live")
            except httpx.TransportError:
                return None

        assert eventually(answer).status_code == 200
        ready = client.get("/health/ready")
        assert (ready.status_code, ready.json()["type"]) == (503, "urn:sallyport:problem:database-unavailable")
        assert ready.headers["Retry-After"] == "2"
    assert main.stop() == 0
