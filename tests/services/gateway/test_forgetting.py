"""What is done with is forgotten after a while, what is not never, and no key sooner than promised."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.services.broker.servers import Server
from tests.services.cluster import Cluster
from tests.services.gateway.gateway import DRAFTS, Gateway, make, recipient
from tests.services.gateway.outside import Outside
from tests.services.processes import Launcher, eventually

FORGET = "SELECT messages_gone, keys_gone FROM forget_old(%s, %s, %s)"
KEPT = ("30 days", "365 days", 500)

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def role(cluster: Cluster, database: str) -> Iterator[Connection]:
    """The service's own role."""
    with cluster.connect(database, "sp_gateway", "gateway") as connection:
        yield connection


@pytest.fixture
def owner(cluster: Cluster, database: str) -> Iterator[Connection]:
    with cluster.connect(database, schema="gateway") as connection:
        yield connection


def keep(owner: Connection, state: str, *, settled: int | None, accepted: int | None = None) -> UUID:
    """A message with two attempts, accepted and settled so many days ago, as if it had been there; its id."""
    message = uuid4()
    owner.execute(
        "INSERT INTO messages (id, idempotency_key, fingerprint, channel, recipient, subject, body, correlation_id,"
        " state, accepted_at, settled_at) VALUES (%(id)s, %(id)s::text, '', 'vk', '1', '', 'words', '', %(state)s,"
        " now() - make_interval(days => %(accepted)s), now() - make_interval(days => %(settled)s))",
        {"id": message, "state": state, "accepted": (accepted or settled or 0), "settled": settled},
    )
    owner.execute("INSERT INTO attempts (message_id, number) SELECT %s, generate_series(1, 2)", [message])
    return message


def left(owner: Connection) -> set[UUID]:
    return {row[0] for row in owner.execute("SELECT id FROM messages").fetchall()}


def aged(owner: Connection, message: str, days: int) -> None:
    """Have a message be sent, all of it so long ago."""
    owner.execute(
        "UPDATE messages SET state = 'sent', accepted_at = now() - make_interval(days => %(days)s),"
        " settled_at = now() - make_interval(days => %(days)s) WHERE id = %(id)s",
        {"id": message, "days": days},
    )


def test_what_is_done_with_is_forgotten_and_nothing_else(role: Connection, owner: Connection) -> None:
    keep(owner, "sent", settled=31)
    keep(owner, "dismissed", settled=31)
    stay = {
        keep(owner, "sent", settled=29, accepted=900),
        keep(owner, "dismissed", settled=29),
        # They wait for a person, however long.
        *(keep(owner, state, settled=900) for state in ("dead", "unknown")),
        # And these are not sent yet.
        *(keep(owner, state, settled=None, accepted=900) for state in ("waiting", "handed", "sending")),
    }
    assert role.execute(FORGET, KEPT).fetchone() == (2, 0)
    assert left(owner) == stay
    assert {row[0] for row in owner.execute("SELECT message_id FROM attempts").fetchall()} == stay


def test_it_goes_some_at_a_time_the_oldest_first(role: Connection, owner: Connection) -> None:
    messages = [keep(owner, "sent", settled=days) for days in (40, 41, 42, 43, 44)]
    assert role.execute(FORGET, ("30 days", "365 days", 2)).fetchone() == (2, 0)
    assert left(owner) == set(messages[:3])
    assert [role.execute(FORGET, ("30 days", "365 days", 2)).fetchone() for _ in range(3)] == [(2, 0), (1, 0), (0, 0)]


@pytest.mark.parametrize("kept", ["0", "-900 days"])
def test_whatever_the_role_asks_for_nothing_of_the_last_day_is_forgotten(
    role: Connection, owner: Connection, kept: str
) -> None:
    """The role can call a message sent that is not, and long ago; when it was accepted it cannot change."""
    fresh, old = keep(owner, "waiting", settled=None), keep(owner, "waiting", settled=None, accepted=2)
    role.execute("UPDATE messages SET state = 'sent', settled_at = '2000-01-01'")
    assert role.execute(FORGET, (kept, kept, 500)).fetchone() == (1, 1)
    assert (left(owner), old in left(owner)) == ({fresh}, False)


def test_a_sender_forgets_by_itself(maker: Callable[..., Gateway], own_broker: Server, owner: Connection) -> None:
    gateway = maker(own_broker.settings, SP_KEEP_DAYS="7")
    for days in range(8, 20):
        keep(owner, "sent", settled=days)
    stays = keep(owner, "sent", settled=6)
    gateway.sender.start()
    eventually(lambda: left(owner) == {stays}, what="forgetting")
    gateway.sender.wait_for("forgotten")
    (line,) = [line for line in gateway.sender.lines() if line["message"] == "forgotten"]
    assert (line["messages"], line["keys"]) == (12, 0)
    assert gateway.sender.stop() == 0


@pytest.fixture
def queue(launcher: Launcher, cluster: Cluster, database: str, outside: Outside, own_broker: Server) -> Gateway:
    """The queue API alone: nothing is sent."""
    found = make(launcher, cluster, database, outside, own_broker.settings)
    launcher.start(found.queue, found.url)
    return found


def test_a_key_outlives_its_message_as_long_as_promised(queue: Gateway, role: Connection, owner: Connection) -> None:
    key, to = str(uuid4()), recipient("vk")
    message = queue.post("vk", to, key=key)
    aged(owner, message, 300)
    assert role.execute(FORGET, KEPT).fetchone() == (1, 0)
    assert queue.client.get(f"/messages/{message}").status_code == 404
    # The same call: no second message. Another one: told so, as ever.
    assert queue.post("vk", to, key=key) == message
    answer = queue.client.post(
        "/messages", json=DRAFTS["vk"] | {"to": to, "text": "Another"}, headers={"Idempotency-Key": key}
    )
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:sallyport:problem:key-reused")
    assert left(owner) == set()

    owner.execute("UPDATE spent_keys SET accepted_at = now() - interval '366 days'")
    assert role.execute(FORGET, KEPT).fetchone() == (0, 1)
    assert queue.post("vk", to, key=key) != message


def test_a_key_is_known_while_its_message_is_being_forgotten(
    queue: Gateway, role: Connection, owner: Connection
) -> None:
    key, to = str(uuid4()), recipient("vk")
    message = queue.post("vk", to, key=key)
    aged(owner, message, 300)
    # Often enough for the statements to be prepared ones.
    for _ in range(40):
        queue.post("vk", to)
    with ThreadPoolExecutor(1) as pool:
        with role.transaction():
            assert role.execute(FORGET, KEPT).fetchone() == (1, 0)
            again = pool.submit(queue.post, "vk", to, key=key)
            sleep(0.3)
            assert not again.done()
        assert again.result(10) == message


def test_forgetting_gives_way_to_who_accepts(role: Connection, owner: Connection) -> None:
    """Somebody reads for long, a dump for instance: those who accept are not kept waiting behind the one who waits."""
    keep(owner, "sent", settled=31)
    with owner.transaction():
        owner.execute("SELECT FROM spent_keys")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            role.execute(FORGET, KEPT)
    assert role.execute(FORGET, KEPT).fetchone() == (1, 0)
