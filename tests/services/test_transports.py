"""The three ways from main to the async service: same inputs, same outcome in the database, same verdict at the relay.

The broker keeps what it is given, so there a job that the async service refuses, or has no room for, is delivered as
far as the relay knows, and becomes a dead letter, or waits, with the broker.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from services.broker import Kind
from services.hand_over import Way
from services.hand_over.event import event_of
from tests.services.broker.servers import Server, serving
from tests.services.certificates import Certificates
from tests.services.cluster import Cluster
from tests.services.pair import Pair
from tests.services.peer import Answer, listening
from tests.services.processes import SECRETS, Launcher, eventually
from tests.services.test_letters import letters

PAYLOADS: dict[str, dict[str, Any]] = {
    "good": {"pk": 3, "job": str(UUID(int=1)), "request": 7},
    "without a request": {"pk": 3, "job": str(UUID(int=2))},
    "a request of null": {"pk": 3, "job": str(UUID(int=3)), "request": None},
    "the largest numbers": {"pk": 2**63 - 1, "job": str(UUID(int=4)), "request": 2**63 - 1},
}
BROKEN: dict[str, dict[str, Any]] = {
    "no pk": {"job": str(UUID(int=10))},
    "pk of zero": {"pk": 0, "job": str(UUID(int=11))},
    "pk below zero": {"pk": -1, "job": str(UUID(int=12))},
    "pk of text": {"pk": "3", "job": str(UUID(int=13))},
    "pk of true": {"pk": True, "job": str(UUID(int=14))},
    "pk of a fraction": {"pk": 3.5, "job": str(UUID(int=15))},
    "pk too large": {"pk": 2**63, "job": str(UUID(int=16))},
    "pk of null": {"pk": None, "job": str(UUID(int=17))},
    "request of zero": {"pk": 3, "job": str(UUID(int=18)), "request": 0},
    "a field too many": {"pk": 3, "job": str(UUID(int=19)), "result": "growing"},
    "another job under a known id": {"pk": 4, "job": str(UUID(int=1)), "request": 7},
    "no id": {"pk": 3, "job": "x"},
    "oversized": {"pk": 3, "job": "1" * 5000},
}
# Without an id there is no event: the relay refuses that by itself.
NO_EVENT = {"no id", "oversized"}


BROKERS = [Kind.REDIS, *(pytest.param(kind, marks=pytest.mark.thorough) for kind in (Kind.RABBITMQ, Kind.KAFKA))]


@pytest.fixture(scope="module", params=[Way.HTTP, Way.GRPC, *BROKERS], ids=lambda param: param.value)
def way(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Way, Server | None]]:
    if isinstance(request.param, Way):
        yield request.param, None
        return
    with serving(request.param, tmp_path_factory.mktemp("broker"), certificates) as server:
        yield Way.BROKER, server


@pytest.fixture
def pair(
    way: tuple[Way, Server | None], launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> Iterator[Pair]:
    yield Pair(way[0], launcher, cluster, database, certificates, way[1])
    if way[1] is not None:
        # In good order: what a killed one had not settled would come to the next test's.
        for service in launcher.started:
            if service.process is not None:
                service.stop()


def test_good_repeated_and_broken_jobs_end_alike(pair: Pair, certificates: Certificates) -> None:
    with listening(certificates, Answer(200)) as peer:
        _, url = pair.start_status(peer.url, SP_DEFER_SECONDS="0")
        pair.start_relay(url)
        pair.put_out(*PAYLOADS.values(), PAYLOADS["good"])
        assert [state for state, _ in pair.settled()] == ["delivered"] * 5
        wanted = [(each["job"], each["pk"], each.get("request"), "deed-0001") for each in PAYLOADS.values()]
        eventually(lambda: pair.jobs() == wanted, what="the jobs")

        pair.put_out(*BROKEN.values())
        found = dict(zip(BROKEN, (state for state, _ in pair.settled()[5:]), strict=True))
        if pair.way is Way.BROKER:
            assert found == {name: "dead" if name in NO_EVENT else "delivered" for name in BROKEN}
            refused = len(BROKEN) - len(NO_EVENT)
            reasons = eventually(
                lambda: found if len(found := pair.letters()) == refused else None, what="the dead letters"
            )
            assert sorted(reasons) == ["409 another-job"] + ["422 invalid-fields"] * (refused - 1)
        else:
            assert found == dict.fromkeys(BROKEN, "dead")
        assert pair.jobs() == wanted
        eventually(lambda: len(peer.calls) == len(PAYLOADS), what="the results")


@pytest.mark.parametrize("way", BROKERS, indirect=True, ids=lambda param: param.value)
def test_a_job_that_is_refused_at_the_broker_is_listed_shown_and_sent_again(pair: Pair) -> None:
    def ask(*words: str) -> dict[str, Any]:
        done = letters(
            pair.launcher, "services.status.job_letters", pair.database, "sp_status", *words, **pair.settings()
        )
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def listed() -> dict[str, str]:
        """By the ids of this test: others' letters lie there as well."""
        found = {each["id"]: each["reason"] for each in ask("list")["letters"]}
        return {each: found[each] for each in (other["job"], str(newer)) if each in found}

    job, newer = str(uuid4()), uuid4()
    good, other = PAYLOADS["good"] | {"job": job}, PAYLOADS["good"] | {"job": job, "pk": 4}
    with listening(pair.certificates, Answer(200)) as peer:
        service, url = pair.start_status(peer.url, SP_DEFER_SECONDS="0")
        pair.start_relay(url)
        pair.put_out(good)
        eventually(lambda: len(pair.jobs()) == 1, what="the job that it clashes with")
        pair.put_out(other)
        pair.publish(replace(event_of(good | {"job": str(newer)}, "deed-0001", ""), version=2))
        service.wait_for("dead letter", 2)
        wanted = {job: "409 another-job", str(newer): "an event set-status of version 2, not set-status of version 1"}
        assert listed() == wanted
        assert "payload" not in ask("list")["letters"][0]
        shown = ask("show", job)
        assert (shown["payload"]["order"], shown["topic"], shown["group"]) == (other, "jobs", "status")

        # Nothing was mended: it is dead again. Then the job that it clashes with goes.
        assert ask("redrive", job) == {"redriven": [job], "not_dead": []}
        service.wait_for("dead letter", 3)
        assert listed() == wanted
        with pair.cluster.connect(pair.database) as connection:
            connection.execute("DELETE FROM status.jobs")
        absent = str(uuid4())
        assert ask("redrive", job, absent) == {"redriven": [job], "not_dead": [absent]}
        eventually(lambda: [each[1] for each in pair.jobs()] == [4], what="the job")
        assert listed().keys() == {str(newer)}


@pytest.mark.thorough
def test_what_does_not_fit_comes_again_and_none_is_lost(pair: Pair, certificates: Certificates) -> None:
    with listening(certificates, Answer(200)) as peer:
        _, url = pair.start_status(peer.url, SP_BACKLOG_MOST="1", SP_DEFER_SECONDS="2")
        relay = pair.start_relay(url)
        pair.put_out(*({"pk": 3, "job": str(UUID(int=number)), "request": 7} for number in (21, 22)))
        if pair.way is Way.BROKER:
            pair.settled()
            assert len(pair.jobs()) <= 1
        else:
            relay.wait_for("to be sent again")
            wanted = [("delivered", None), ("waiting", "answered 429")]
            eventually(lambda: sorted(pair.verdicts(), key=str) == wanted, what="one in, one turned away")
            (line,) = [line for line in relay.lines() if line["message"] == "to be sent again"][:1]
            assert line["after_s"] >= 2
        eventually(lambda: len(peer.calls) == 2, what="both results")
        assert pair.settled() == [("delivered", None)] * 2


def test_a_wrong_token_gets_nothing_in(pair: Pair, certificates: Certificates) -> None:
    with listening(certificates, Answer(200)) as peer:
        _, url = pair.start_status(peer.url)
        relay = pair.start_relay(url, token="a wrong one")  # noqa: S106 - that is the point
        pair.put_out(PAYLOADS["good"])
        if pair.way is Way.BROKER:
            # A password is the operator's fault, not the message's.
            relay.wait_for("to be sent again")
            assert [state for state, _ in pair.verdicts()] == ["waiting"]
        else:
            assert pair.settled() == [("dead", "answered 401")]
        assert pair.jobs() == []
        told = relay.log.read_text() + relay.errors.read_text()
        assert "a wrong one" not in told
        assert SECRETS["set_status_token"] not in told


@pytest.mark.thorough
def test_the_trace_and_the_request_id_come_along(pair: Pair, certificates: Certificates) -> None:
    with listening(certificates, Answer(200)) as peer:
        _, url = pair.start_status(peer.url, SP_DEFER_SECONDS="0")
        pair.start_relay(url)
        with pair.cluster.connect(pair.database, "sp_main", "main") as connection:
            connection.execute(
                "INSERT INTO outbox (topic, payload, correlation_id, traceparent) VALUES ('set-status', %s, %s, %s)",
                [Jsonb({"pk": 3, "job": str(UUID(int=31)), "request": 7}), "deed-0031", f"00-{'a' * 32}-{'b' * 16}-01"],
            )
        (call,) = eventually(lambda: peer.calls[:1] or None, what="the result")
        assert call.headers["x-request-id"] == "deed-0031"
        assert call.headers["traceparent"].startswith(f"00-{'a' * 32}-")


@pytest.mark.thorough
def test_a_receiver_that_comes_later_gets_it_then(pair: Pair, certificates: Certificates) -> None:
    with listening(certificates, Answer(200)) as peer:
        service, url = pair.start_status(peer.url, SP_DEFER_SECONDS="0")
        assert service.stop() == 0
        pair.start_relay(url)
        pair.put_out(PAYLOADS["good"])
        if pair.way is not Way.BROKER:
            eventually(lambda: pair.verdicts()[0][1], what="a first attempt")
        service.start()
        assert pair.settled() == [("delivered", None)]
        eventually(lambda: len(peer.calls) == 1, what="the result")


@pytest.mark.parametrize("way", [Kind.REDIS], indirect=True, ids=lambda param: param.value)
def test_a_relay_that_still_calls_where_jobs_come_by_the_broker_waits(pair: Pair) -> None:
    _, url = pair.start_status("https://localhost:1")
    answer = pair.launcher.client(url).post("/set-status/", json=PAYLOADS["good"])
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert pair.jobs() == []


@pytest.mark.thorough
@pytest.mark.parametrize("way", [Kind.REDIS], indirect=True, ids=lambda param: param.value)
def test_a_broker_that_is_away_at_the_start_is_waited_for_by_both_ends(pair: Pair) -> None:
    assert pair.broker
    pair.broker.kill()
    with listening(pair.certificates, Answer(200)) as peer:
        service, url = pair.start_status(peer.url, SP_DEFER_SECONDS="0")
        relay = pair.start_relay(url)
        job = str(uuid4())
        pair.put_out(PAYLOADS["good"] | {"job": job})
        relay.wait_for("to be sent again")
        service.wait_for("broker unavailable", 2)
        assert [state for state, _ in pair.verdicts()] == ["waiting"]
        pair.broker.start()
        assert pair.settled() == [("delivered", None)]
        eventually(lambda: job in [each[0] for each in pair.jobs()], what="the job")
        eventually(lambda: peer.calls, what="the result")


@pytest.mark.thorough
def test_the_relay_stops_in_good_order(pair: Pair, certificates: Certificates) -> None:
    with listening(certificates, Answer(200)) as peer:
        service, url = pair.start_status(peer.url)
        relay = pair.start_relay(url)
        pair.put_out(PAYLOADS["good"])
        pair.settled()
        assert relay.stop() == 0
        assert service.stop() == 0
        assert "Traceback" not in relay.errors.read_text() + service.errors.read_text()


@pytest.mark.thorough
@pytest.mark.parametrize("ways", [(Way.HTTP, Way.GRPC), (Way.GRPC, Way.HTTP)], ids=["relay of http", "relay of grpc"])
def test_two_ends_that_are_set_differently_wait_and_lose_nothing(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates, ways: tuple[Way, Way]
) -> None:
    """As for a while when an environment chooses another way: one end is there before the other."""
    before, after = (Pair(way, launcher, cluster, database, certificates, None) for way in ways)
    with listening(certificates, Answer(200)) as peer:
        _, url = after.start_status(peer.url, SP_DEFER_SECONDS="0")
        relay = before.start_relay(url)
        before.put_out(PAYLOADS["good"])
        relay.wait_for("to be sent again")
        assert [state for state, _ in before.verdicts()] == ["waiting"]
        relay.stop()
        after.start_relay(url)
        assert after.settled() == [("delivered", None)]
        eventually(lambda: len(peer.calls) == 1, what="the result")
