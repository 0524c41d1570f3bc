"""What can be seen of one request on its way: its timeline, the metrics, and no secret anywhere."""

import re
from dataclasses import dataclass
from itertools import pairwise

import httpx
import pytest

from tests.services.cluster import APP_USERS, Cluster
from tests.services.ports import free_port
from tests.services.processes import SECRETS, Launcher, eventually
from tests.services.test_journey import Town, build

STEPS = ["1 form", "2 hand over", "3 accepted", "4 answered", "5 deferred action", "6 callback", "7 seen"]


@dataclass
class Observed:
    town: Town
    ports: dict[str, int]

    def metrics(self, service: str) -> str:
        answer = httpx.get(f"http://127.0.0.1:{self.ports[service]}/metrics", trust_env=False)
        assert answer.status_code == 200
        return answer.text

    def value(self, service: str, name: str) -> float:
        found = re.search(rf"^{re.escape(name)} ([0-9.e+-]+)$", self.metrics(service), re.MULTILINE)
        assert found, f"{name} is not in\n{self.metrics(service)}"
        return float(found[1])


@pytest.fixture(scope="module")
def observed(module_launcher: Launcher, cluster: Cluster, module_database: str) -> Observed:
    ports = {name: free_port() for name in ("main", "relay", "status")}
    town = build(module_launcher, cluster, module_database, SP_METRICS_PORT=str(ports["status"]))
    for name, service in (("main", town.main), ("relay", town.relay)):
        service.stop()
        service.environment["SP_METRICS_PORT"] = str(ports[name])
    town.relay.start()
    module_launcher.start(town.main, town.url)
    return Observed(town, ports)


def test_a_requests_timeline_tells_the_seven_steps_to_those_who_may_see_it(observed: Observed) -> None:
    town = observed.town
    with town.signed_in() as client:
        request = town.formed(client, 1, 2)
        town.results(client, request)
        found = client.get(f"/requests/{request}/timeline").json()
        assert found["request_id"] == request
        assert re.fullmatch(r"[0-9a-f]{32}", found["trace_id"])
        assert [step["name"] for step in found["steps"] if step["job"] is None] == STEPS[:1]
        jobs = {step["job"] for step in found["steps"]} - {None}
        assert len(jobs) == 2
        for job in jobs:
            steps = {step["name"]: step for step in found["steps"] if step["job"] == job}
            assert sorted(steps) == STEPS[1:]
            # The wait is 0.3 s; each step begins no earlier than the one that caused it. A time is told as seconds
            # before the statement that keeps it, so it may be late by as long as that statement waited.
            assert 0.3 <= steps["5 deferred action"]["seconds"] < 5
            order = ["2 hand over", "3 accepted", "5 deferred action", "6 callback", "7 seen"]
            begun = [steps[name]["after"] for name in order]
            assert all(earlier <= later + 0.1 for earlier, later in pairwise(begun))
        # Looking again is not seeing for the first time.
        client.get(f"/requests/{request}")
        assert client.get(f"/requests/{request}/timeline").json() == found
        page = client.get(f"/pages/requests/{request}/timeline")
        assert all(name in page.text for name in STEPS)
    with town.signed_in("second") as stranger:
        assert stranger.get(f"/requests/{request}/timeline").status_code == 404
        assert stranger.get(f"/pages/requests/{request}/timeline").status_code == 404
    with town.signed_in("moderator") as moderator:
        assert moderator.get(f"/requests/{request}/timeline").json() == found
    with town.launcher.client(town.url) as guest:
        assert guest.get(f"/requests/{request}/timeline").status_code == 401


def test_the_metrics_tell_of_requests_the_queues_and_the_pool(observed: Observed) -> None:
    town = observed.town
    with town.signed_in() as client:
        town.results(client, town.formed(client, 3))
    callbacks = 'sallyport_http_requests_total{method="PUT",route="/stocks/{stock_id}/put",status="200"}'
    assert observed.value("main", callbacks) >= 1
    assert observed.value("relay", 'sallyport_queue_attempts_total{verdict="delivered"}') >= 1
    assert observed.value("status", 'sallyport_queue_lateness_seconds_bucket{le="+Inf"}') >= 1
    assert observed.value("status", "sallyport_queue_dead_letters") == 0
    for service in observed.ports:
        assert observed.value(service, "sallyport_database_pool_connections") >= 1
    assert "sallyport_http_request_duration_seconds_bucket" in observed.metrics("status")


@pytest.mark.thorough
def test_a_dead_letter_shows_in_the_gauges(observed: Observed) -> None:
    town = observed.town
    with town.cluster.connect(town.database) as connection:
        connection.execute(
            "INSERT INTO status.jobs (id, stock_id, correlation_id, due_at, state, settled_at)"
            " VALUES (gen_random_uuid(), 1, 'deed-0001', now(), 'dead', now())"
        )
        try:
            eventually(lambda: observed.value("status", "sallyport_queue_dead_letters") == 1, what="the gauge")
        finally:
            connection.execute("DELETE FROM status.jobs WHERE state = 'dead'")


def test_the_public_gets_no_metrics(observed: Observed) -> None:
    with observed.town.launcher.client(observed.town.url) as client:
        assert client.get("/metrics").status_code == 404


def test_no_secret_is_in_logs_timelines_or_metrics(observed: Observed) -> None:
    town = observed.town
    with town.signed_in() as client:
        session = client.cookies["__Host-session"]
        request = town.formed(client, 4)
        town.results(client, request)
        told = client.get(f"/requests/{request}/timeline").text
    for service in (town.main, town.relay, town.status):
        told += service.log.read_text() + service.errors.read_text()
    for service_name in observed.ports:
        told += observed.metrics(service_name)
    assert "result taken" in told
    seeded = [*SECRETS.values(), *APP_USERS.values(), town.cluster.password, session]
    assert [secret for secret in seeded if secret in told] == []
