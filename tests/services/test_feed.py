"""The feed: its pure core, and the order of its log under many transactions at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.feed import Cursor, Event, Expired, Gap, Viewer, Window
from services.main.adapters.feed import PostgresFeed
from services.postgres import Database, Queries
from services.settings import Secret
from tests.services.cluster import Cluster

EPOCH = "0123456789abcdef"
T = TypeVar("T")


def event(seq: int, creator_id: int | None = None, *, to_moderators: bool = True) -> Event:
    return Event(seq, "stock", creator_id, to_moderators, "{}")


# ---- The core


@given(st.integers(0, 10**18 - 1))
def test_a_cursor_is_read_as_it_is_written(seq: int) -> None:
    cursor = Cursor(EPOCH, seq)
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "1", f"{EPOCH}:", f"{EPOCH}:-1", f"{EPOCH}:1\n", f"{EPOCH}:\u0661", "x:1"])
def test_anything_else_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError, match="epoch:seq"):
        Cursor.parse(text)


@pytest.mark.parametrize(
    ("viewer", "seen"), [(Viewer(), [1]), (Viewer(7), [1, 2, 3]), (Viewer(8), [1]), (Viewer(9, moderator=True), [1, 3])]
)
def test_everyone_sees_what_concerns_them(viewer: Viewer, seen: list[int]) -> None:
    window = Window(EPOCH, 0, 10)
    window.extend([event(1), event(2, 7, to_moderators=False), event(3, 7)])
    assert [each.seq for each in window.after(Cursor(EPOCH, 0), viewer).events] == seen


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([None, 7, 8])), max_size=30), st.integers(20, 40))
def test_batches_join_without_gap_or_double(steps: list[tuple[int, int | None]], size: int) -> None:
    window, position, last = Window(EPOCH, 0, size), Cursor(EPOCH, 0), 0
    written: list[Event] = []
    got: list[Event] = []
    for count, creator in steps:
        new = [event(last + number, creator) for number in range(1, count + 1)]
        last += count
        written += new
        window.extend(new)
        batch = window.after(position, Viewer(7))
        assert batch.after == position
        position = batch.cursor
        got += batch.events
    assert got == [each for each in written if each.creator_id in {None, 7}]


def test_a_cursor_that_cannot_be_continued_from_is_told_why() -> None:
    window = Window(EPOCH, 4, 3)
    window.extend([event(number) for number in range(5, 10)])
    assert len(window.after(Cursor(EPOCH, 6), Viewer()).events) == 3
    for cursor, reason in (
        (Cursor(EPOCH, 5), "too-old"),
        (Cursor(EPOCH, 10), "unknown"),
        (Cursor("f" * 16, 6), "epoch-changed"),
    ):
        with pytest.raises(Expired) as caught:
            window.after(cursor, Viewer())
        assert caught.value.reason == reason


def test_the_window_takes_no_gap() -> None:
    with pytest.raises(Gap):
        Window(EPOCH, 4, 3).extend([event(6)])


# ---- The log


def with_feed(cluster: Cluster, database: str, deed: Callable[[PostgresFeed], Awaitable[T]]) -> T:
    place = Database("localhost", cluster.port, database, "sp_main", Secret(cluster.password), cluster.ca, "main")

    async def run() -> T:
        async with place.pool("tests", 8) as pool:
            return await deed(PostgresFeed(pool, Queries.of_package("services.main")))

    return asyncio.run(run())


async def numbered(feed: PostgresFeed) -> tuple[str, int, list[Event]]:
    while await feed.number():
        pass
    return await feed.read(0)


def test_an_event_is_numbered_when_it_commits_not_when_it_is_written(cluster: Cluster, database: str) -> None:
    with cluster.connect(database, schema="main") as early, cluster.connect(database, schema="main") as late:
        before = with_feed(cluster, database, numbered)[1]
        early.execute("BEGIN")
        early.execute("UPDATE stocks SET price = price + 1 WHERE id = 1")
        late.execute("UPDATE stocks SET price = price + 1 WHERE id = 2")
        _, last, first_look = with_feed(cluster, database, numbered)
        early.execute("COMMIT")
        second_look = with_feed(cluster, database, numbered)[2]

    assert last == before + 1
    assert [each.seq for each in second_look] == list(range(1, before + 3))
    assert second_look[: len(first_look)] == first_look
    assert '"stock_id": 1' in second_look[-1].body


def test_many_transactions_at_once_leave_no_gap_and_nothing_appears_below(cluster: Cluster, database: str) -> None:
    writers, changes = 8, 40
    with cluster.connect(database, schema="main") as connection:
        connection.execute(
            "INSERT INTO stocks (company, price, is_growing, description, picture)"
            " SELECT 'company ' || number, 1, true, '', '' FROM generate_series(1, 8) AS number"
        )
        found = connection.execute("SELECT id FROM stocks WHERE company LIKE 'company %'").fetchall()
    stocks = [row[0] for row in found]
    before = with_feed(cluster, database, numbered)[1]

    async def storm(feed: PostgresFeed) -> list[Event]:
        seen: list[Event] = []
        done = asyncio.Event()

        async def write(stock: int) -> None:
            def run() -> None:
                with cluster.connect(database, schema="main") as connection:
                    for _ in range(changes):
                        with connection.transaction():
                            connection.execute("UPDATE stocks SET price = price + 1 WHERE id = %s", (stock,))
                            connection.execute("SELECT pg_sleep(random() * 0.005)")

            await asyncio.to_thread(run)

        async def number() -> None:
            while not done.is_set():
                await feed.number()

        async def read() -> None:
            while not done.is_set():
                seen.extend((await feed.read(before + len(seen)))[2])

        async with asyncio.TaskGroup() as tasks:
            helpers = [tasks.create_task(each()) for each in (number, number, number, read)]
            await asyncio.gather(*(write(stock) for stock in stocks))
            done.set()
            await asyncio.gather(*helpers)
        await numbered(feed)
        return seen + (await feed.read(before + len(seen)))[2]

    seen = with_feed(cluster, database, storm)

    assert [each.seq for each in seen] == list(range(before + 1, before + 1 + writers * changes))
    for stock in stocks:
        own = [each.body for each in seen if f'"stock_id": {stock},' in each.body]
        prices = [float(body.split('"price": "')[1].split('"')[0]) for body in own]
        assert prices == [2.0 + number for number in range(changes)]


def test_the_service_and_the_schema_agree_on_which_database_it_is(cluster: Cluster, database: str) -> None:
    epoch = with_feed(cluster, database, numbered)[0]
    with cluster.connect(database, schema="main") as connection:
        assert connection.execute("SELECT epoch FROM feed_head WHERE origin = feed_origin()").fetchone() == (epoch,)


def test_a_copy_of_the_database_is_another_epoch(cluster: Cluster, database: str) -> None:
    epoch = with_feed(cluster, database, numbered)[0]
    copy = cluster.create(template=database)
    other, _, events = with_feed(cluster, copy, numbered)

    assert other != epoch
    assert events == []
    assert with_feed(cluster, database, numbered)[0] == epoch


def test_results_and_states_are_told_to_those_concerned(cluster: Cluster, database: str) -> None:
    with cluster.connect(database, schema="main") as connection:
        before = with_feed(cluster, database, numbered)[1]
        row = connection.execute(
            "INSERT INTO requests (creator_id) SELECT id FROM users WHERE name = 'creator' RETURNING id, creator_id"
        ).fetchone()
        assert row is not None
        request, creator = row
        connection.execute("INSERT INTO request_items (request_id, stock_id, quantity) VALUES (%s, 1, 1)", (request,))
        connection.execute("UPDATE request_items SET quantity = 2 WHERE request_id = %s", (request,))
        connection.execute("UPDATE requests SET state = 'formed', formed_at = now() WHERE id = %s", (request,))
        connection.execute("UPDATE request_items SET job_id = gen_random_uuid() WHERE request_id = %s", (request,))
        connection.execute(
            "UPDATE request_items SET result = 'growing', result_at = now() WHERE request_id = %s", (request,)
        )
        draft = connection.execute("INSERT INTO requests (creator_id) VALUES (%s) RETURNING id", (creator,)).fetchone()
        assert draft is not None
        connection.execute("UPDATE requests SET state = 'deleted', closed_at = now() WHERE id = %s", draft)
    events = with_feed(cluster, database, numbered)[2]

    told = [each for each in events if each.seq > before]
    assert [(each.kind, each.creator_id, each.to_moderators) for each in told] == [
        ("request", creator, True),
        ("result", creator, True),
        ("request", creator, False),
    ]
    assert '"result": "growing"' in told[1].body


def test_only_the_newest_events_are_kept(cluster: Cluster, database: str) -> None:
    with cluster.connect(database, schema="main") as connection:
        for _ in range(5):
            connection.execute("UPDATE stocks SET price = price + 1 WHERE id = 1")

    async def deed(feed: PostgresFeed) -> tuple[int, list[Event]]:
        await numbered(feed)
        await feed.forget(2)
        _, last, events = await feed.read(0)
        return last, events

    last, events = with_feed(cluster, database, deed)
    assert [each.seq for each in events] == [last - 1, last]
