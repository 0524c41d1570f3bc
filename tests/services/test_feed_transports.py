"""The feed as clients hear it from real processes: four ways, one sequence."""

import json
import random
import threading
from collections import Counter
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from tests.services.api import Api, refused
from tests.services.cluster import Cluster
from tests.services.feed_client import TRANSPORTS, FeedClient, server_sent
from tests.services.processes import Launcher, eventually

SQL_CHANGE = "UPDATE stocks SET price = price + 1 WHERE id = 1"


def client_of(api: Api, name: str = "creator") -> FeedClient:
    with api.signed_in(name) as client:
        found = FeedClient(api, client.cookies["__Host-session"])
    found.begin()
    return found


def change(api: Api, times: int = 1) -> None:
    with api.cluster.connect(api.database, schema="main") as connection:
        for _ in range(times):
            connection.execute(SQL_CHANGE)


def written(api: Api, after: str) -> list[dict[str, Any]]:
    """What the log says of stocks after a cursor: these events concern everybody."""
    with api.cluster.connect(api.database, schema="main") as connection:
        rows = connection.execute(
            "SELECT seq, kind, body FROM feed_log WHERE seq > %s ORDER BY seq", (int(after.split(":")[1]),)
        ).fetchall()
    return [{"seq": seq, "kind": kind, "body": body} for seq, kind, body in rows]


# Python's ssl leaves a socket open whose peer is killed between connecting and the handshake.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.thorough
def test_any_mixture_of_transports_and_restarts_yields_one_sequence(
    launcher: Launcher, cluster: Cluster, database: str, seed: int
) -> None:
    main, url = launcher.main(database)
    launcher.start(main, url)
    api = Api(launcher, main, url, cluster, database)
    clients = [client_of(api) for _ in range(4)]
    begins = [client.cursor for client in clients]
    changes, used, done = 120, Counter[str](), threading.Event()

    def hear(client: FeedClient, first: str, own: random.Random) -> None:
        while not (done.is_set() and len(client.events) >= changes):
            # Each begins with one of the four until it has heard by it: chance alone may pass one by.
            transport = own.choice(TRANSPORTS) if client.events else first
            try:
                before = len(client.events)
                client.hear(transport, own.randint(1, 4))
                used[transport] += len(client.events) - before
            except (httpx.HTTPError, WebSocketException, OSError):
                sleep(0.05)

    chance = random.Random(seed)
    threads = [
        threading.Thread(target=hear, args=(client, first, random.Random(chance.random())), daemon=True)
        for client, first in zip(clients, TRANSPORTS, strict=True)
    ]
    for thread in threads:
        thread.start()
    for number in range(6):
        for _ in range(changes // 6):
            change(api)
            sleep(chance.random() * 0.02)
        if number % 2:
            if chance.random() < 0.5:
                main.kill()
            else:
                assert main.stop() == 0
            launcher.start(main, url)
    done.set()
    deadline = monotonic() + 60
    for thread in threads:
        thread.join(max(0.0, deadline - monotonic()))

    for client, begin in zip(clients, begins, strict=True):
        assert client.events == written(api, begin)
        assert len(client.events) == changes
        assert client.resets == []
    assert all(used[transport] for transport in TRANSPORTS), used


def test_short_polling_answers_304_and_says_how_far_that_holds(api: Api) -> None:
    client = client_of(api)
    with client.http() as http:
        answer = http.get("/feed", params={"after": client.cursor})
        assert (answer.status_code, answer.json()["events"]) == (200, [])
        assert answer.headers["ETag"] == f'W/"{client.cursor}"'
        again = http.get("/feed", params={"after": client.cursor}, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.headers["Feed-Cursor"]) == (304, client.cursor)
        assert again.headers["Cache-Control"] == "no-store"


def test_a_long_poll_answers_as_soon_as_something_happens(api: Api) -> None:
    client = client_of(api)
    threading.Timer(1.0, change, (api,)).start()
    began = monotonic()
    with client.http() as http:
        answer = http.get("/feed", params={"after": client.cursor, "wait": 9})
    assert len(answer.json()["events"]) == 1
    assert 0.9 < monotonic() - began < 5


def test_a_service_that_cannot_follow_the_feed_is_not_ready_and_goes_on_when_it_can(
    launcher: Launcher, cluster: Cluster, database: str
) -> None:
    main, url = launcher.main(database)
    launcher.start(main, url)
    api = Api(launcher, main, url, cluster, database)

    def ready(status: int) -> bool:
        with api.guest() as guest:
            return guest.get("/health/ready").status_code == status

    with cluster.connect(database, schema="main") as connection:
        connection.execute("REVOKE SELECT ON feed_log FROM sp_main")
        eventually(lambda: ready(503), what="not ready")
        connection.execute("GRANT SELECT ON feed_log TO sp_main")
    eventually(lambda: ready(200), what="ready")
    client = client_of(api)
    change(api)
    client.hear("long-polling", 1)
    assert len(client.events) == 1


def test_polling_from_a_cursor_that_is_gone_is_410(api: Api) -> None:
    epoch, _, seq = client_of(api).cursor.partition(":")
    with api.guest() as guest:
        for cursor, reason in ((f"{'0' * 16}:{seq}", "epoch-changed"), (f"{epoch}:{int(seq) + 9}", "unknown")):
            refused(guest.get("/feed", params={"after": cursor}), 410, reason)
            refused(guest.get("/feed", params={"after": cursor, "wait": 20}), 410, reason)
        assert guest.get("/feed", params={"after": "nonsense"}).status_code == 422


@pytest.mark.parametrize("transport", ["sse", "websocket"])
def test_a_stream_from_another_epoch_begins_with_a_snapshot_and_goes_on(api: Api, transport: str) -> None:
    client = client_of(api)
    client.cursor = f"{'0' * 16}:1"
    client.hear(transport, 1)
    assert client.resets == ["epoch-changed"]
    change(api)
    client.hear(transport, 1)
    assert [event["kind"] for event in client.events] == ["stock"]


@pytest.mark.parametrize("transport", ["sse", "websocket"])
def test_a_new_epoch_resets_a_stream_that_is_open(api: Api, transport: str) -> None:
    client = client_of(api)
    thread = threading.Thread(target=client.hear, args=(transport, 1), daemon=True)
    thread.start()
    sleep(0.5)
    with api.cluster.connect(api.database, schema="main") as connection:
        connection.execute("SELECT reset_feed()")
    thread.join(10)
    assert client.resets == ["epoch-changed"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_nobody_hears_of_requests_that_do_not_concern_them(api: Api, transport: str) -> None:
    with api.guest() as guest:
        account = {"name": f"other-{transport}", "password": "correct horse battery staple"}
        assert guest.post("/register", json=account).status_code == 201
        assert guest.post("/login", json=account).status_code == 200
        other = FeedClient(api, guest.cookies["__Host-session"])
        other.begin()
    creator, moderator = client_of(api), client_of(api, "moderator")
    with api.signed_in() as client:
        draft = api.fresh_draft(client)
        assert client.put(f"/requests/{draft}/form").status_code == 202
    change(api)
    for listener in (other, creator, moderator):

        def heard_stock(listener: FeedClient = listener) -> bool:
            listener.hear(transport, 1)
            return any(event["kind"] == "stock" for event in listener.events)

        eventually(heard_stock, what="the last event")
    told = [
        sum(event["kind"] == "request" and event["body"]["request_id"] == draft for event in listener.events)
        for listener in (other, creator, moderator)
    ]
    assert told == [0, 1, 1]


def test_a_socket_needs_the_origin_and_a_session(api: Api) -> None:
    client = client_of(api)
    for session, origin, status in (
        (client.session, "https://elsewhere.example", 403),
        ("", None, 401),
        ("of nobody", None, 401),
    ):
        with pytest.raises(InvalidStatus) as caught, FeedClient(api, session, client.cursor).socket(origin):
            pass
        assert caught.value.response.status_code == status
    # Whoever may not come in is no error of ours.
    assert [line for line in api.main.lines() if line["level"] == "error"] == []


@pytest.mark.thorough
def test_signing_out_ends_the_streams(api: Api) -> None:
    client = client_of(api)
    with client.http() as http, client.socket() as heard_by:
        assert http.post("/logout", headers={"Origin": api.url}).status_code in {200, 204}
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                heard_by.recv(timeout=25)
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1008, "the session has ended")


def test_a_stop_closes_the_streams_at_once(launcher: Launcher, cluster: Cluster, database: str) -> None:
    main, url = launcher.main(database)
    launcher.start(main, url)
    client = client_of(Api(launcher, main, url, cluster, database))
    with client.socket() as heard_by, client.http() as http, http.stream("GET", "/feed/events") as answer:
        heard = server_sent(answer.iter_lines())
        assert json.loads(next(heard)["data"])["reset"] == "begun"
        began = monotonic()
        assert main.stop() == 0
        assert monotonic() - began < 4
        assert list(heard) == []
        with pytest.raises(ConnectionClosed) as caught:
            heard_by.recv(timeout=5)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1012


@pytest.mark.timeout(120)
@pytest.mark.thorough
def test_a_slow_consumer_is_dropped_with_a_reason_and_can_go_on(
    launcher: Launcher, cluster: Cluster, database: str
) -> None:
    main, url = launcher.main(database)
    launcher.start(main, url)
    api = Api(launcher, main, url, cluster, database)
    with cluster.connect(database, schema="main") as connection:
        connection.execute(
            "INSERT INTO stocks (company, price, is_growing, description, picture)"
            " SELECT 'company ' || number, 1, true, '', '' FROM generate_series(1, 4000) AS number"
        )
        eventually(lambda: connection.execute("SELECT FROM feed_pending LIMIT 1").fetchone() is None)
        client = client_of(api)
        begin = client.cursor
        # One message is taken into the queue at most, and the kernel keeps little of the rest.
        with client.socket(max_queue=1, receive_buffer=4096) as heard_by:
            for _ in range(14):
                connection.execute("UPDATE stocks SET price = price + 1 WHERE company LIKE 'company %'")
                sleep(1.2)
            sleep(11)
            with pytest.raises(ConnectionClosed) as caught:
                while True:
                    client.take(json.loads(heard_by.recv(timeout=20)))
    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1013, "too slow; go on from your cursor")
    assert client.events == written(api, begin)[: len(client.events)]

    client.hear("websocket", 1)
    assert client.resets == ["too-old"]
    change(api)
    client.hear("websocket", 1)
    assert client.events[-1]["body"]["stock_id"] == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_news_passes_nginx_at_once(behind_nginx: Api, transport: str) -> None:
    client = client_of(behind_nginx)
    threading.Timer(1.0, change, (behind_nginx,)).start()
    began = monotonic()

    def heard() -> bool:
        client.hear(transport, 1)
        return bool(client.events)

    eventually(heard, what="the event")
    assert monotonic() - began < 6
    assert len(client.events) == 1
