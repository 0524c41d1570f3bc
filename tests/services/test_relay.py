"""The relay as a process, with a receiver that the tests control."""

import asyncio
import json
from time import monotonic
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from services.main.adapters.outbox import OutboxMessage
from services.outbox import PostgresStore
from services.postgres import Database, Queries
from services.retry import Delivered, Retry
from services.settings import Secret
from tests.services.certificates import Certificates
from tests.services.cluster import Cluster
from tests.services.peer import Answer, Peer, listening
from tests.services.processes import SECRETS, Launcher, eventually


def put_out(cluster: Cluster, database: str, count: int = 1) -> list[str]:
    """Messages as forming a request writes them, with the notification. Their jobs."""
    jobs = [str(uuid4()) for _ in range(count)]
    with cluster.connect(database, "sp_main", "main") as connection, connection.transaction():
        for number, job in enumerate(jobs, start=1):
            connection.execute(
                "INSERT INTO outbox (topic, payload, correlation_id) VALUES ('set-status', %s, 'deed-0001')",
                [Jsonb({"pk": number, "job": job, "request": 7})],
            )
        connection.execute("NOTIFY main_outbox")
    return jobs


def states(cluster: Cluster, database: str) -> list[tuple[str, int]]:
    with cluster.connect(database) as connection:
        return connection.execute("SELECT state, attempts FROM main.outbox ORDER BY id").fetchall()


def delivered(cluster: Cluster, database: str) -> list[tuple[str, int]]:
    def probe() -> list[tuple[str, int]] | None:
        found = states(cluster, database)
        return found if all(state == "delivered" for state, _ in found) else None

    return eventually(probe, what="delivery of all")


def jobs_of(peer: Peer) -> list[str]:
    return [json.loads(call.body)["job"] for call in peer.calls]


def test_it_hands_over_with_token_and_request_id_as_soon_as_it_hears(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    with listening(certificates, Answer(202)) as peer:
        relay = launcher.relay(database, peer.url)
        relay.start()
        relay.wait_for("relay started")
        waits = []
        for _ in range(5):
            put = monotonic()
            (job,) = put_out(cluster, database)
            delivered(cluster, database)
            waits.append(peer.calls[-1].at - put)
        # Polling, once a second, would take half a second as a rule.
        assert min(waits) < 0.2
        call = peer.calls[-1]
        assert (call.method, call.path) == ("POST", "/set-status/")
        assert call.headers["authorization"] == f"Bearer {SECRETS['set_status_token']}"
        assert call.headers["x-request-id"] == "deed-0001"
        assert json.loads(call.body) == {"pk": 1, "job": job, "request": 7}
        delivered(cluster, database)
        assert relay.stop() == 0
        assert relay.errors.read_text() == ""


@pytest.mark.thorough
def test_two_relays_share_the_work_and_send_nothing_twice(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    jobs = put_out(cluster, database, 200)
    with listening(certificates, Answer(202)) as peer:
        relays = [launcher.relay(database, peer.url) for _ in range(2)]
        for relay in relays:
            relay.start()
        assert delivered(cluster, database) == [("delivered", 1)] * 200
        assert sorted(jobs_of(peer)) == sorted(jobs)


@pytest.mark.thorough
def test_kill_9_between_sending_and_settling_sends_again(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    (job,) = put_out(cluster, database)
    with listening(certificates, Answer(202, hold=60), Answer(202)) as peer:
        relay = launcher.relay(database, peer.url, SP_LEASE_SECONDS="2")
        relay.start()
        eventually(lambda: len(peer.calls) == 1)
        relay.kill()
        relay.start()
        assert delivered(cluster, database) == [("delivered", 2)]
        assert jobs_of(peer) == [job, job]


def test_it_survives_the_loss_of_its_connections(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    with listening(certificates, Answer(202)) as peer:
        relay = launcher.relay(database, peer.url)
        relay.start()
        relay.wait_for("relay started")
        put_out(cluster, database)
        delivered(cluster, database)
        with cluster.connect("postgres") as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
        relay.wait_for("not listening")
        put_out(cluster, database)
        delivered(cluster, database)


def test_a_refused_message_is_kept_as_dead(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    put_out(cluster, database)
    with listening(certificates, Answer(401)) as peer:
        relay = launcher.relay(database, peer.url)
        relay.start()
        relay.wait_for("dead letter")
        assert states(cluster, database) == [("dead", 1)]
        assert len(peer.calls) == 1


def test_old_receipts_are_forgotten(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    with cluster.connect(database) as connection:
        connection.execute(
            "INSERT INTO main.callback_receipts (message_id, signed_at, received_at)"
            " VALUES ('old', now(), now() - interval '61 minutes'), ('new', now(), now())"
        )

        def left() -> list[tuple[str]]:
            return connection.execute("SELECT message_id FROM main.callback_receipts").fetchall()

        with listening(certificates, Answer(202)) as peer:
            launcher.relay(database, peer.url).start()
            eventually(lambda: left() == [("new",)], what="forgetting")


def test_a_claim_that_ran_out_can_no_longer_be_settled(cluster: Cluster, database: str) -> None:
    """The fence: the first relay was too slow, the second has the message now."""
    queries = Queries.of_package("services.main")
    put_out(cluster, database)

    def claim(connection: psycopg.Connection[tuple[object, ...]], lease: str) -> tuple[object, ...] | None:
        arguments = {"most": 1, "lease": lease, "lease_seconds": 0.0}
        return connection.execute(queries["claim"], arguments).fetchone()

    slow, quick = str(uuid4()), str(uuid4())
    with cluster.connect(database, "sp_main", "main") as connection:
        first, second = claim(connection, slow), claim(connection, quick)
        assert first is not None
        assert second is not None
        for lease, attempt, settled in ((slow, 1, 0), (quick, 1, 0), (quick, 2, 1)):
            arguments = {
                "lease": lease,
                "ids": [first[0]],
                "attempts": [attempt],
                "states": ["delivered"],
                "afters": [0.0],
                "reasons": [None],
                "took": [0.1],
                "waited": [0.1],
            }
            connection.execute(queries["settle"], arguments)
            # The call and the answer are kept for the timeline only when the message was settled.
            kept = connection.execute("SELECT step FROM timeline ORDER BY step").fetchall()
            assert kept == [(2,), (4,)] * settled
            assert states(cluster, database) == [("delivered" if settled else "waiting", 2)]


def test_what_a_database_cannot_hold_spoils_no_other_verdict(cluster: Cluster, database: str) -> None:
    """A peer's words become a reason, and verdicts of one moment are written together."""
    place = Database("localhost", cluster.port, database, "sp_main", Secret(cluster.password), cluster.ca, "main")
    put_out(cluster, database, 2)

    async def settle() -> None:
        async with place.pool("tests", 2, autocommit=True) as pool:
            store = PostgresStore(pool, Queries.of_package("services.main"), OutboxMessage, lease=30.0)
            first, second = await store.claim(2)
            await asyncio.gather(
                store.settle(first, Retry(1.0, "a\0b\ud800" + "x" * 1000), 0.1), store.settle(second, Delivered(), 0.1)
            )

    asyncio.run(settle())
    with cluster.connect(database) as connection:
        found = connection.execute("SELECT state, last_error FROM main.outbox ORDER BY state").fetchall()
    assert found == [("delivered", None), ("waiting", "ab?" + "x" * 497)]
