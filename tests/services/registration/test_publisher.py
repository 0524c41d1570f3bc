"""The publisher: what is committed reaches the broker, in order for each key, whatever is killed or away."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from services.broker import Event, open_broker
from services.registration import STATISTICS, TOPIC
from tests.services.broker.servers import RedisServer
from tests.services.cluster import Cluster
from tests.services.processes import SECRETS, Launcher, eventually
from tests.services.registration.town import Town


async def taken(town: Town, count: int) -> list[Event]:
    """The next events of the topic, as a consumer gets them, settled."""
    broker = open_broker(town.broker.settings)
    found: list[Event] = []
    async with broker.subscribe(TOPIC, STATISTICS) as subscription:
        while len(found) < count:
            for delivery in await subscription.receive(100):
                found.append(Event.decode(delivery.body))
                await subscription.done(delivery)
    await broker.close()
    return found


def arrived(town: Town, count: int) -> list[Event]:
    return asyncio.run(asyncio.wait_for(taken(town, count), 30))


def test_a_committed_event_is_published_as_it_was_written(town: Town) -> None:
    publisher = town.publisher()
    (wanted,) = town.record(1)
    (event,) = arrived(town, 1)
    ((occurred_at,),) = town.rows("SELECT occurred_at FROM main.events")
    assert (event.id, event.type, event.version, event.key) == (wanted, "user.registered", 1, "user:1")
    assert (event.occurred_at, event.correlation_id) == (occurred_at, "deed-0001")
    assert event.payload == {"user_id": 1, "name": "u1", "email": None}
    eventually(lambda: town.states() == ["delivered"], what="the confirm")
    assert publisher.stop() == 0


def test_events_of_one_key_keep_their_order(town: Town) -> None:
    with town.cluster.connect(town.database, "sp_main", "main") as connection:
        connection.execute(
            "INSERT INTO events (topic, type, version, key, payload, correlation_id)"
            " SELECT 'registrations', 'user.registered', 1, 'user:' || n % 3, jsonb_build_object('n', n), ''"
            " FROM generate_series(1, 18) AS n"
        )
    town.publisher()
    found = arrived(town, 18)
    for key in range(3):
        order = [event.payload["n"] for event in found if event.key == f"user:{key}"]
        assert order == sorted(order)
        assert len(order) == 6


@pytest.mark.thorough
def test_a_broker_that_is_away_is_waited_for_and_the_api_goes_on_accepting(
    launcher: Launcher, cluster: Cluster, database: str, redis: RedisServer
) -> None:
    town = Town(launcher, cluster, database, redis)
    town.start_main()
    publisher = town.publisher()
    stats = town.stats()
    welcome = town.started(launcher.welcome(database, redis.settings), "welcome started")
    names = [town.register(), town.register()]
    publisher.wait_for("to be sent again")
    for consumer in (stats, welcome):
        consumer.wait_for("broker unavailable")
    told = "".join(service.log.read_text() for service in (publisher, stats, welcome))
    assert "broker unavailable: " in told
    assert not any(secret in told for secret in SECRETS.values())
    assert town.states() == ["waiting", "waiting"]
    redis.start()
    town.counts(len(names))
    eventually(lambda: town.states() == ["delivered", "delivered"], what="the confirms")
    eventually(lambda: len(town.rows("SELECT FROM gateway.messages")) == len(names), what="the mails")


def test_killed_between_publishing_and_settling_it_publishes_again_and_it_is_counted_once(town: Town) -> None:
    """The verdict cannot be written, so the kill falls where it hurts, each time."""
    with town.cluster.connect(town.database) as connection:
        connection.execute("REVOKE UPDATE (settled_at) ON main.events FROM sp_main")
        publisher = town.publisher(SP_LEASE_SECONDS="1")
        wanted = town.record(3)
        # The right to settle is missing, so what was published is not settled.
        first = ids(arrived(town, 3))
        publisher.kill()
        connection.execute("GRANT UPDATE (settled_at) ON main.events TO sp_main")
    again = town.started(publisher, "publisher started")
    second = ids(arrived(town, 3))
    assert first == second == sorted(wanted)
    eventually(lambda: set(town.states()) == {"delivered"}, what="the confirms")
    again.stop()


def ids(events: Sequence[Event]) -> list[UUID]:
    return sorted(event.id for event in events)
