"""Daily registrations: exact, whatever comes twice, late or broken; counted anew from the log; for moderators only."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from services.broker.redis import stream
from services.main.domain.errors import InvalidField
from services.main.domain.statistics import MOST_SHOWN, Span
from services.registration import TOPIC
from tests.services.api import Api, refused
from tests.services.processes import eventually
from tests.services.registration.town import Town, event, published

DAYS = st.dates()


@given(st.none() | DAYS, st.none() | DAYS, DAYS)
def test_a_span_is_as_wanted_or_refused(first: date | None, last: date | None, today: date) -> None:
    try:
        span = Span.wanted(first, last, today)
    except InvalidField as error:
        assert error.at == "from_day"
        assert first is not None
        assert not timedelta() <= (last or today) - first < timedelta(days=MOST_SHOWN)
    else:
        assert span.to_day == (last or today)
        assert span.from_day == first if first else span.to_day - span.from_day <= timedelta(days=29)


def test_what_comes_twice_is_counted_once(town: Town) -> None:
    stats = town.stats()
    events = [event(), event()]
    published(town, [*events, *events, events[0]])
    stats.wait_for("duplicate", 3)
    assert town.counted() == 2
    assert stats.stop() == 0


@pytest.mark.thorough
def test_a_killed_consumer_counts_all_once(town: Town) -> None:
    town.publisher()
    stats = town.stats()
    for before in (0, 300):
        town.record(300)
        eventually(partial(counts_more_than, town, before), what="some of them counted")
        stats.kill()
        stats.start()
    town.counts(600)
    assert len(town.rows("SELECT FROM stats.inbox")) == 600


def counts_more_than(town: Town, count: int) -> bool:
    return town.counted() > count


def test_what_cannot_be_read_becomes_a_dead_letter_and_the_others_go_on(town: Town) -> None:
    stats = town.stats()
    newer, broken, foreign = event(version=2), event(payload={"user_id": "?"}), event(type_="user.deleted")
    published(town, [newer, broken, foreign, event()])
    town.counts(1)
    stats.wait_for("dead letter", 3)

    letters = town.told("services.stats.letters", "sp_stats", "list")["letters"]
    assert {each["id"]: each["reason"] for each in letters} == {
        str(newer.id): "user.registered of version 2, and this release knows version 1",
        str(broken.id): "payload: user_id is no whole number",
        str(foreign.id): "type 'user.deleted', and this topic carries user.registered",
    }
    assert "payload" not in letters[0]
    shown = town.told("services.stats.letters", "sp_stats", "show", str(newer.id))
    assert (shown["version"], shown["payload"], shown["topic"]) == (2, newer.payload, TOPIC)

    # The release has not changed: what is sent again is dead again, and only what was named was sent.
    unknown = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
    redriven = town.told("services.stats.letters", "sp_stats", "redrive", str(newer.id), unknown)
    assert redriven == {"redriven": [str(newer.id)], "not_dead": [unknown]}
    stats.wait_for("dead letter", 4)
    assert town.counted() == 1


@pytest.mark.thorough
def test_bytes_that_are_no_event_stay_a_dead_letter(town: Town) -> None:
    stats = town.stats()
    asyncio.run(written(town, b"{broken"))
    stats.wait_for("dead letter")
    (letter,) = town.told("services.stats.letters", "sp_stats", "list")["letters"]
    assert (letter["reason"], letter["bytes"]) == ("no event: not JSON", 7)
    assert town.told("services.stats.letters", "sp_stats", "redrive", "--all")["redriven"] == []
    assert town.told("services.stats.letters", "sp_stats", "list")["letters"] == [letter]


async def written(town: Town, body: bytes) -> None:
    """Put bytes where events belong, past our own adapter."""
    access = town.broker.settings
    async with Redis(
        host=access.host,
        port=access.port,
        username=access.user,
        password=access.password.reveal(),
        ssl=True,
        ssl_ca_certs=str(access.ca),
    ) as client:
        await client.xadd(stream(TOPIC), {"body": body})


def test_what_fails_for_a_reason_of_ours_is_counted_once_that_is_mended(town: Town) -> None:
    with town.cluster.connect(town.database) as connection:
        connection.execute("REVOKE INSERT ON stats.registrations FROM sp_stats")
        stats = town.stats()
        published(town, [event()])
        stats.wait_for("handler failed", 2)
        connection.execute("GRANT INSERT ON stats.registrations TO sp_stats")
    town.counts(1)


@pytest.mark.thorough
def test_a_wrong_call_says_what_to_do(town: Town) -> None:
    done = town.run("services.stats.letters", "sp_stats", "show", "17")
    assert (done.returncode, done.stderr) == (
        1,
        "letters: no dead letter has the id 17; `list` shows those there are\n",
    )
    town.broker.kill()
    done = town.run("services.stats.letters", "sp_stats", "list")
    assert done.returncode == 1
    assert done.stderr.startswith("letters: the broker does not answer (")
    assert done.stderr.endswith("; try again when it does\n")


def test_counts_are_made_anew_from_the_log(town: Town) -> None:
    """Whatever was done to them, and with events that are counted meanwhile or not published yet."""
    town.record(40)
    publisher, stats = town.publisher(), town.stats()
    town.counts(40)
    with town.cluster.connect(town.database) as connection:
        connection.execute("UPDATE stats.registrations SET count = count + 1000")
        connection.execute("DELETE FROM stats.inbox WHERE event_id IN (SELECT event_id FROM stats.inbox LIMIT 7)")
    assert town.told("services.stats.rebuild", "sp_stats")["after"] == 40
    publisher.stop()
    town.record(5)
    assert town.told("services.stats.rebuild", "sp_stats") == {"before": 40, "after": 45}
    town.started(publisher, "publisher started")
    stats.wait_for("duplicate", 5)
    assert town.counted() == 45


@pytest.mark.thorough
def test_counting_anew_beside_consumers_stays_exact(town: Town) -> None:
    town.publisher()
    town.stats()
    wanted = 0
    for _ in range(6):
        wanted += len(town.record(100))
        assert town.told("services.stats.rebuild", "sp_stats")["after"] <= wanted
    town.counts(wanted)
    assert town.told("services.stats.rebuild", "sp_stats") == {"before": wanted, "after": wanted}


def test_a_rebuild_without_a_database_changes_nothing_and_says_so(town: Town) -> None:
    with town.cluster.connect(town.database) as connection:
        connection.execute("REVOKE SELECT ON main.registration_log FROM sp_stats")
    done = town.run("services.stats.rebuild", "sp_stats")
    assert done.returncode == 1
    assert done.stderr.startswith("rebuild: nothing was changed; the database said: InsufficientPrivilege")


def test_from_registering_to_the_table(town: Town) -> None:
    town.start_main(SP_STATISTICS_ZONE="Europe/Moscow")
    town.publisher()
    town.stats()
    before = town.statistics()
    town.register()
    town.counts(1)
    after = town.statistics()
    assert (before["zone"], before["total"], after["total"]) == ("Europe/Moscow", 0, 1)
    today = datetime.now(ZoneInfo("Europe/Moscow")).date()
    assert after["days"][-1] in (
        {"day": today.isoformat(), "registrations": 1},
        {"day": (today - timedelta(days=1)).isoformat(), "registrations": 1},
    )
    assert len(after["days"]) == 30


def counted_at(town: Town, *moments: str) -> None:
    with town.cluster.connect(town.database) as connection:
        for moment in moments:
            connection.execute(
                "INSERT INTO stats.registrations VALUES (date_bin('15 minutes', %s, '2000-01-01 00:00+00'), 1)"
                " ON CONFLICT (slot) DO UPDATE SET count = registrations.count + 1",
                (datetime.fromisoformat(moment),),
            )


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("UTC", [0, 4, 1, 0]),
        ("Europe/Moscow", [0, 3, 2, 0]),
        # 5:45 ahead: a day still is whole quarters of an hour.
        ("Asia/Kathmandu", [0, 2, 3, 0]),
        # The 8th has 23 hours there.
        ("America/New_York", [1, 3, 1, 0]),
    ],
)
def test_days_are_those_of_the_zone(town: Town, zone: str, days: list[int]) -> None:
    counted_at(
        town,
        "2026-03-08T03:00:00+00:00",
        "2026-03-08T18:14:59+00:00",
        "2026-03-08T18:15:00+00:00",
        "2026-03-08T21:00:00+00:00",
        "2026-03-09T15:00:00+00:00",
    )
    town.start_main(SP_STATISTICS_ZONE=zone)
    found = town.statistics(from_day="2026-03-07", to_day="2026-03-10")
    assert [each["registrations"] for each in found["days"]] == days
    assert found["total"] == 5
    assert all(
        date.fromisoformat(after["day"]) - date.fromisoformat(before["day"]) == timedelta(days=1)
        for before, after in pairwise(found["days"])
    )


def test_statistics_are_for_moderators(api: Api) -> None:
    with api.guest() as guest:
        refused(guest.get("/statistics/registrations"), 401, "sign-in-needed")
    with api.signed_in("creator") as creator:
        refused(creator.get("/statistics/registrations"), 403, "moderators-only")
    with api.signed_in("moderator") as moderator:
        found = moderator.get("/statistics/registrations").json()
        assert found["days"][-1]["day"] == datetime.now(UTC).date().isoformat()
        for wrong in ({"from_day": "soon"}, {"day": "2026-01-01"}, {"from_day": "2026-01-02", "to_day": "2026-01-01"}):
            refused(moderator.get("/statistics/registrations", params=wrong), 422, "invalid-fields")
        found = moderator.get("/statistics/registrations", params={"from_day": "2020-01-01", "to_day": "2026-01-01"})
        assert "At most 366 days" in refused(found, 422, "invalid-fields")["errors"][0]["message"]
