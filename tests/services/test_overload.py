"""Overload: what does not fit is turned away at the door, comes again, and nothing that was accepted is lost."""

from uuid import uuid4

import pytest

from tests.services.certificates import Certificates
from tests.services.cluster import Cluster
from tests.services.peer import Answer, listening
from tests.services.processes import Launcher, eventually
from tests.services.test_relay import delivered, jobs_of, put_out
from tests.services.test_status import kind, started

pytestmark = pytest.mark.thorough


def test_over_the_bound_it_says_429_and_when_to_come_again(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    with listening(certificates, Answer(200)) as peer:
        status = started(launcher, cluster, database, peer.url, SP_BACKLOG_MOST="3", SP_DEFER_SECONDS="2.5")
        answers = [status.post(pk=1, job=str(uuid4()), request=7) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [202, 202, 202, 429, 429]
        assert kind(answers[-1]) == (429, "overloaded")
        assert answers[-1].headers["Retry-After"] == "2"
        assert len(status.jobs()) == 3
        eventually(lambda: len(peer.calls) == 3, what="the results of what was accepted")
        eventually(lambda: status.post(pk=1, request=7).status_code == 202, what="room")


def test_the_relay_hands_over_more_than_fits_and_loses_nothing(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    jobs = put_out(cluster, database, 60)
    with listening(certificates, Answer(200)) as peer:
        status = started(launcher, cluster, database, peer.url, SP_BACKLOG_MOST="20", SP_DEFER_SECONDS="0.2")
        relay = launcher.relay(database, status.url)
        relay.start()
        delivered(cluster, database)
        eventually(lambda: len(peer.calls) >= 60, what="all results")
        assert sorted(jobs_of(peer)) == sorted(jobs)
        assert any(line.get("reason") == "answered 429" for line in relay.lines())


def test_while_the_receiver_asks_for_patience_nothing_else_is_sent(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    put_out(cluster, database)
    with listening(certificates, Answer(429, {"Retry-After": "2"}), Answer(202)) as peer:
        relay = launcher.relay(database, peer.url)
        relay.start()
        relay.wait_for("to be sent again")
        put_out(cluster, database, 3)
        delivered(cluster, database)
        refused, *others = peer.calls
        assert len(others) == 4
        assert min(call.at for call in others) - refused.at >= 2.0


def test_a_connection_that_breaks_is_not_answered_by_sending_the_same_message_twice(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    """The HTTP client by itself would repeat a PUT on a new connection: the very message, refused as a replay."""
    with listening(certificates, Answer(200), Answer(0), Answer(200)) as peer:
        status = started(launcher, cluster, database, peer.url)
        status.post(pk=1, job=str(uuid4()), request=7)
        eventually(lambda: len(peer.calls) == 1)
        status.post(pk=2, job=str(uuid4()), request=7)
        status.settled()
        second = [call for call in peer.calls if call.path == "/stocks/2/put"]
        assert len({call.headers["webhook-timestamp"] for call in second}) == len(second) == 2
