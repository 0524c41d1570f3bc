"""The chat's protocol, as one socket and two see it."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from services.main.entrypoints.chat.wire import LONGEST
from tests.services.api import Api, refused
from tests.services.chat.client import formed_request, session_of, talking
from tests.services.processes import eventually


@pytest.fixture(scope="module")
def sessions(api: Api) -> dict[str, str]:
    return {name: session_of(api, name) for name in ("creator", "moderator", "second")}


@pytest.fixture
def chat(api: Api) -> int:
    return formed_request(api)


def test_creator_and_moderator_talk(api: Api, sessions: dict[str, str], chat: int) -> None:
    with talking(api, chat, sessions["creator"]) as creator, talking(api, chat, sessions["moderator"]) as moderator:
        assert creator.hello() == {"type": "welcome", "you": "creator", "last": 0}
        moderator.hello()
        assert creator.send("When will it be looked at?") == 1
        assert moderator.send("Сегодня 🙂") == 2
        for talker in (creator, moderator):
            found = [entry for each in talker.heard if each["type"] == "entries" for entry in each["entries"]]
            while len(found) < 2:
                found += talker.entries(2 - len(found))
            assert [(entry["seq"], entry["author"], entry["text"]) for entry in found] == [
                (1, "creator", "When will it be looked at?"),
                (2, "moderator", "Сегодня 🙂"),
            ]


def test_an_ack_is_given_for_what_is_committed(api: Api, sessions: dict[str, str], chat: int) -> None:
    with talking(api, chat, sessions["creator"]) as creator, api.cluster.connect(api.database, schema="main") as db:
        for number in range(1, 21):
            seq = creator.send(f"text {number}")
            row = db.execute("SELECT body FROM chat_entries WHERE request_id = %s AND seq = %s", [chat, seq]).fetchone()
            assert row == (f"text {number}",)


def test_what_is_sent_again_is_there_once(api: Api, sessions: dict[str, str], chat: int) -> None:
    name = str(uuid4())
    numbers = set()
    for _ in range(3):
        with talking(api, chat, sessions["creator"]) as creator:
            numbers |= {creator.send("once", name), creator.send("once", name)}
    assert numbers == {1}
    with talking(api, chat, sessions["moderator"]) as moderator:
        # The same name is another's own.
        assert moderator.send("mine", name) == 2
        moderator.hello()
        assert [entry["text"] for entry in moderator.entries(2)] == ["once", "mine"]


def test_many_at_once_get_contiguous_numbers_and_each_author_keeps_their_order(
    api: Api, sessions: dict[str, str], chat: int
) -> None:
    barrier = threading.Barrier(6)

    def write(name: str) -> None:
        with talking(api, chat, sessions[name.split("-", maxsplit=1)[0]]) as talker:
            barrier.wait(10)
            for number in range(15):
                talker.send(f"{name} {number:02}")

    names = [f"{user}-{number}" for user in ("creator", "moderator") for number in range(3)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, names))
    with talking(api, chat, sessions["creator"]) as creator:
        creator.hello()
        entries = creator.entries(90)
    assert [entry["seq"] for entry in entries] == list(range(1, 91))
    for name in names:
        said = [entry["text"] for entry in entries if entry["text"].startswith(name)]
        assert said == sorted(said)
        assert len(said) == 15


@pytest.mark.thorough
def test_offline_messages_wait_and_a_client_goes_on_from_where_it_was(
    api: Api, sessions: dict[str, str], chat: int
) -> None:
    with talking(api, chat, sessions["creator"]) as creator:
        for number in range(250):
            creator.say(type="send", id=str(uuid4()), text=f"text {number}")
        for _ in range(250):
            creator.hear("ack", within=30)
    with talking(api, chat, sessions["moderator"]) as moderator:
        assert moderator.hello(after=20)["last"] == 250
        assert [entry["seq"] for entry in moderator.entries(230)] == list(range(21, 251))
        moderator.say(**{"type": "fetch", "from": 3, "to": 5})
        assert [entry["seq"] for entry in moderator.entries(3)] == [3, 4, 5]
        assert moderator.refused("unknown-place", type="hello", after=251)["detail"].startswith("The chat ends at 250")


def test_an_older_version_never_replaces_a_newer_one(api: Api, sessions: dict[str, str], chat: int) -> None:
    with talking(api, chat, sessions["creator"]) as creator, talking(api, chat, sessions["moderator"]) as moderator:
        seq = creator.send("firts")
        edit = {"type": "edit", "message": seq}
        creator.say(**edit, id=str(uuid4()), version=3, text="third")
        assert creator.hear("ack")["seq"] == 2
        error = creator.refused("outdated", **edit, id=str(uuid4()), version=2, text="second")
        assert error["version"] == 3
        assert moderator.refused("not-the-author", **edit, id=str(uuid4()), version=4, text="mine")
        assert creator.refused("not-found", **(edit | {"message": 99}), id=str(uuid4()), version=4, text="x")
        moderator.hello()
        assert [(entry["kind"], entry["version"], entry["text"]) for entry in moderator.entries(2)] == [
            ("text", 1, None),
            ("edit", 3, "third"),
        ]


def test_what_is_deleted_is_gone(api: Api, sessions: dict[str, str], chat: int) -> None:
    name = str(uuid4())
    with talking(api, chat, sessions["creator"]) as creator:
        seq = creator.send("a secret")
        creator.say(type="delete", id=name, message=seq, version=2)
        assert creator.hear("ack") == {"type": "ack", "id": name, "seq": 2}
        # Sent again it is the same deletion, not one of something that is gone.
        creator.say(type="delete", id=name, message=seq, version=2)
        assert creator.hear("ack") == {"type": "ack", "id": name, "seq": 2}
        creator.refused("not-found", type="edit", id=str(uuid4()), message=seq, version=3, text="back")
    with api.cluster.connect(api.database, schema="main") as db:
        rows = db.execute("SELECT kind, body FROM chat_entries WHERE request_id = %s ORDER BY seq", [chat]).fetchall()
    assert rows == [("text", None), ("delete", None)]


def test_marks_only_go_forward_and_never_beyond_the_end(api: Api, sessions: dict[str, str], chat: int) -> None:
    def told(mark: dict[str, int]) -> object:
        return {"type": "marks", "marks": [{"author": "moderator", **mark}]}

    with talking(api, chat, sessions["creator"]) as creator, talking(api, chat, sessions["moderator"]) as moderator:
        for number in range(5):
            creator.send(f"text {number}")
        creator.hello(after=5)
        for said, expected in (
            ({"delivered": 3, "read": 1}, {"delivered": 3, "read": 1}),
            ({"delivered": 1, "read": 2}, {"delivered": 3, "read": 2}),
            ({"delivered": 900, "read": 4}, {"delivered": 5, "read": 4}),
            # Whatever was read was delivered.
            ({"delivered": 0, "read": 5}, {"delivered": 5, "read": 5}),
        ):
            moderator.say(type="mark", **said)
            assert creator.hear("marks") == told(expected)
    with api.signed_in() as client:
        marks = client.get(f"/requests/{chat}/chat").json()["marks"]
    assert marks == [{"author": "moderator", "delivered": 5, "read": 5}]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("not-json", "{"),
        ("not-json", '{"type": "send", "text": "\\ud800"}'),
        ("unknown-type", "[]"),
        ("unknown-type", '{"text": "without a type"}'),
        ("unknown-type", '{"type": "shout", "text": "x"}'),
        ("invalid", '{"type": "send", "text": "without an id"}'),
        ("invalid", '{"type": "send", "id": "not a UUID", "text": "x"}'),
        ("invalid", '{"type": "hello", "after": -1}'),
        ("invalid", '{"type": "hello", "after": 99999999999999999999}'),
        ("invalid", '{"type": "hello", "after": "0"}'),
        ("invalid", '{"type": "fetch", "from": 5, "to": 4}'),
        ("invalid", '{"type": "mark", "delivered": 1, "read": 1, "more": 1}'),
        ("too-large", json.dumps({"type": "send", "text": "x" * LONGEST})),
    ],
)
def test_what_cannot_be_taken_is_told_and_the_socket_lives_on(
    api: Api, sessions: dict[str, str], chat: int, code: str, said: str
) -> None:
    with talking(api, chat, sessions["creator"]) as creator:
        creator.say_raw(said)
        error = creator.hear("error")
        assert error["code"] == code, error
        assert error["detail"]
        assert creator.send("still here") == 1


@pytest.mark.parametrize("text", ["", " \n\t ", "x" * 2001, "a\x00b", "a\x1bb", 7, None])
def test_a_text_has_limits_and_the_refusal_names_the_message(
    api: Api, sessions: dict[str, str], chat: int, text: object
) -> None:
    with talking(api, chat, sessions["creator"]) as creator:
        name = str(uuid4())
        error = creator.refused("invalid", type="send", id=name, text=text)
        assert (error["id"], error["at"]) == (name, "text")
        # The longest text fits, however it is written down.
        assert creator.send("🙂" * 2000) == 1


def test_a_full_chat_takes_deletions_only(api: Api, sessions: dict[str, str], chat: int) -> None:
    with talking(api, chat, sessions["creator"]) as creator:
        creator.send("text")
        with api.cluster.connect(api.database, schema="main") as db:
            db.execute("UPDATE chat_heads SET last = 10000 WHERE request_id = %s", [chat])
        name = str(uuid4())
        assert creator.refused("full", type="send", id=name, text="one more")["id"] == name
        creator.say(type="delete", id=str(uuid4()), message=1, version=2)
        assert creator.hear("ack")["seq"] == 10001


def test_binary_frames_are_refused(api: Api, sessions: dict[str, str], chat: int) -> None:
    with talking(api, chat, sessions["creator"]) as creator:
        creator.say_raw(b"{}")
        assert creator.hear("error")["code"] == "not-text"


def test_an_oversized_frame_ends_the_socket_with_a_reason(api: Api, sessions: dict[str, str], chat: int) -> None:
    with talking(api, chat, sessions["creator"]) as creator:
        creator.say_raw("x" * 70_000)
        with pytest.raises(ConnectionClosed) as caught:
            creator.hear("error")
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


def test_too_many_messages_are_taken_more_slowly_and_none_is_lost(
    api: Api, sessions: dict[str, str], chat: int
) -> None:
    with talking(api, chat, sessions["creator"]) as creator:
        for _ in range(130):
            creator.say(type="mark", delivered=0, read=0)
        creator.send("still taken")
        told = [each for each in creator.heard if each["type"] == "error"]
        assert {each["code"] for each in told} == {"too-fast"}
        assert all(0 < each["wait"] < 1 for each in told)


def test_only_the_creator_and_moderators_come_in(api: Api, sessions: dict[str, str], chat: int) -> None:
    for session, origin, request_id, status in (
        (sessions["second"], None, chat, 404),
        (sessions["creator"], None, 999_999, 404),
        (sessions["creator"], "https://elsewhere.example", chat, 403),
        ("", None, chat, 401),
        ("of nobody", None, chat, 401),
    ):
        with pytest.raises(InvalidStatus) as caught, talking(api, request_id, session, origin=origin):
            pass
        assert caught.value.response.status_code == status
    with api.signed_in() as client:
        draft = api.fresh_draft(client)
    with pytest.raises(InvalidStatus) as caught, talking(api, draft, sessions["moderator"]):
        pass
    assert caught.value.response.status_code == 404


@pytest.mark.thorough
def test_signing_out_ends_the_socket(api: Api, chat: int) -> None:
    session = session_of(api, "creator")
    with talking(api, chat, session) as creator:
        creator.hello()
        with api.launcher.client(api.url, Origin=api.url, Cookie=f"__Host-session={session}") as client:
            assert client.post("/logout").status_code in {200, 204}
        with pytest.raises(ConnectionClosed) as caught:
            creator.hear("nothing", within=25)
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1008, "the session has ended")


def test_the_history_is_paged_and_shows_messages_as_they_are(api: Api, sessions: dict[str, str], chat: int) -> None:
    with talking(api, chat, sessions["creator"]) as creator:
        for number in range(1, 6):
            creator.send(f"text {number}")
        creator.say(type="edit", id=str(uuid4()), message=2, version=2, text="changed")
        creator.hear("ack")
        creator.say(type="delete", id=str(uuid4()), message=3, version=2)
        creator.hear("ack")
    with api.signed_in("moderator") as client:
        found, path = [], f"/requests/{chat}/chat?limit=2"
        while path:
            answer = client.get(path).raise_for_status().json()
            assert answer["last"] == 7
            found += answer["messages"]
            path = answer["next"]
    assert [(each["seq"], each["version"], each["text"], each["is_deleted"]) for each in found] == [
        (1, 1, "text 1", False),
        (2, 2, "changed", False),
        (3, 2, None, True),
        (4, 1, "text 4", False),
        (5, 1, "text 5", False),
    ]
    with api.signed_in("second") as client:
        refused(client.get(f"/requests/{chat}/chat"), 404, "not-found")
    with api.guest() as guest:
        refused(guest.get(f"/requests/{chat}/chat"), 401, "sign-in-needed")


def test_the_database_keeps_the_rules_too(api: Api, sessions: dict[str, str], chat: int) -> None:
    with talking(api, chat, sessions["creator"]) as creator:
        creator.send("text")
    with api.cluster.connect(api.database, "sp_main", "main") as db:
        add = (
            "INSERT INTO chat_entries (request_id, seq, kind, message, version, author_id, client_id, body)"
            " SELECT request_id, %s, %s, %s, %s, author_id, {}, 'x' FROM chat_entries WHERE request_id = %s AND seq = 1"
        )
        fresh, same = add.format("gen_random_uuid()").encode(), add.format("client_id").encode()
        for statement, values, error in (
            (same, [2, "text", 2, 1, chat], psycopg.errors.UniqueViolation),
            (fresh, [1, "text", 1, 1, chat], psycopg.errors.UniqueViolation),
            (fresh, [2, "edit", 1, 1, chat], psycopg.errors.CheckViolation),
            (fresh, [2, "edit", 9, 2, chat], psycopg.errors.ForeignKeyViolation),
            (b"DELETE FROM chat_entries", [], psycopg.errors.InsufficientPrivilege),
            (b"UPDATE chat_entries SET seq = 9", [], psycopg.errors.InsufficientPrivilege),
            (b"UPDATE chat_entries SET author_id = 9", [], psycopg.errors.InsufficientPrivilege),
        ):
            with pytest.raises(error):
                db.execute(statement, values)


def test_a_stop_closes_the_sockets_at_once_and_a_start_goes_on(api: Api, sessions: dict[str, str], chat: int) -> None:
    with talking(api, chat, sessions["creator"]) as creator:
        creator.hello()
        creator.send("before")
        assert api.main.stop() == 0
        with pytest.raises(ConnectionClosed) as caught:
            creator.hear("nothing")
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1012
    api.launcher.start(api.main, api.url)
    with talking(api, chat, sessions["creator"]) as creator:
        assert creator.hello(after=1)["last"] == 1
        assert creator.send("after") == 2


def test_nothing_is_lost_while_the_database_is_away(api: Api, sessions: dict[str, str], chat: int) -> None:
    """Whoever has no ack sends again; the socket is closed so that nothing later overtakes."""
    name = str(uuid4())
    with api.cluster.connect(api.database) as db, talking(api, chat, sessions["creator"]) as creator:
        creator.hello()
        with db.transaction():
            db.execute("LOCK TABLE main.chat_heads IN ACCESS EXCLUSIVE MODE")
            creator.say(type="send", id=name, text="first")
            creator.say(type="send", id=str(uuid4()), text="second")
            with pytest.raises(ConnectionClosed) as caught:
                creator.hear("ack", within=20)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1013

    def sent() -> bool:
        with talking(api, chat, sessions["creator"]) as again:
            return again.send("first", name) == 1

    eventually(sent)
