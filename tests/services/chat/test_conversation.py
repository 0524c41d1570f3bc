"""What one end makes of what arrives: conversation.js by itself, run by node."""

from collections.abc import Iterator

import pytest

from tests.services.chat.conversation import Conversation, Message, Node, node


@pytest.fixture(scope="module")
def engine() -> Iterator[Node]:
    with node() as found:
        yield found


@pytest.fixture
def creator(engine: Node) -> Conversation:
    found = Conversation(engine, "creator")
    found.open([])
    assert found.connected() == [{"type": "hello", "after": 0}]
    assert found.receive({"type": "welcome", "you": "creator", "last": 0}) == []
    return found


def entry(seq: int, text: str | None = None, **fields: object) -> Message:
    made = {"seq": seq, "kind": "text", "message": seq, "version": 1, "author": "moderator", "id": f"id {seq}"}
    return made | {"text": text or f"text {seq}", "at": "2026-01-01T00:00:00+00:00"} | fields


def entries(*found: Message) -> Message:
    return {"type": "entries", "entries": list(found)}


def texts(end: Conversation) -> list[str]:
    return [each["text"] for each in end.view()]


def test_what_comes_out_of_order_is_shown_in_order_and_the_gap_is_asked_for_once(creator: Conversation) -> None:
    assert creator.receive(entries(entry(4), entry(6))) == [{"type": "fetch", "from": 1, "to": 3}]
    assert creator.view() == []
    assert creator.receive(entries(entry(4), entry(2))) == []
    assert creator.receive(entries(entry(1))) == []
    assert texts(creator) == ["text 1", "text 2"]
    assert creator.receive(entries(entry(3))) == [{"type": "fetch", "from": 5, "to": 5}]
    assert texts(creator) == ["text 1", "text 2", "text 3", "text 4"]
    # The answer was lost: asked again at the next tick, not before.
    assert {"type": "fetch", "from": 5, "to": 5} in creator.tick()
    assert creator.receive(entries(entry(5), entry(5))) == []
    assert texts(creator) == [f"text {seq}" for seq in range(1, 7)]


def test_a_beat_shows_that_the_last_ones_are_missing(creator: Conversation) -> None:
    assert creator.receive({"type": "beat", "last": 0}) == []
    assert creator.receive({"type": "beat", "last": 130}) == [{"type": "fetch", "from": 1, "to": 100}]
    found = [entry(seq) for seq in range(1, 101)]
    assert creator.receive(entries(*found)) == [{"type": "fetch", "from": 101, "to": 130}]


def test_what_has_no_ack_is_said_again_in_its_order_and_a_later_visit_too(creator: Conversation) -> None:
    first = creator.send("a", "first")
    second = creator.send("b", "second")
    assert creator.tick() == [*first, *second]
    assert creator.connected() == [{"type": "hello", "after": 0}, *first, *second]
    assert creator.receive({"type": "ack", "id": "a", "seq": 1}) == []
    assert creator.pending == second
    # It stays in sight until its entry is there.
    assert texts(creator) == ["first", "second"]
    creator.open(creator.pending)
    assert creator.connected() == [{"type": "hello", "after": 0}, *second]


def test_an_entry_is_as_good_as_an_ack(creator: Conversation) -> None:
    creator.send("a", "first")
    creator.receive(entries(entry(1, "first", author="creator", id="a")))
    assert creator.pending == []
    assert texts(creator) == ["first"]


def test_marks_say_how_far_one_has_come_and_never_go_back(creator: Conversation) -> None:
    creator.receive(entries(entry(1, author="creator"), entry(2)))
    assert creator.tick() == [{"type": "mark", "delivered": 2, "read": 0}]
    assert creator.shown() == [{"type": "mark", "delivered": 2, "read": 2}]
    assert creator.shown() == []
    for delivered, read, state in ((1, 0, "delivered"), (0, 0, "delivered"), (1, 1, "read"), (1, 0, "read")):
        told = [{"author": "moderator", "delivered": delivered, "read": read}]
        creator.receive({"type": "marks", "marks": told})
        assert creator.view()[0]["state"] == state
    # Nobody's own mark makes a message read.
    assert creator.view()[1]["state"] is None
    # Main knows of the mark: there is nothing to say again.
    creator.receive({"type": "marks", "marks": [{"author": "creator", "delivered": 2, "read": 2}]})
    assert creator.tick() == []


def test_an_older_version_never_replaces_a_newer_one(creator: Conversation) -> None:
    def edit(seq: int, version: int) -> Message:
        return entry(seq, f"version {version}", kind="edit", message=1, version=version)

    creator.receive(entries(entry(1, author="creator"), edit(2, 3), edit(3, 2)))
    assert texts(creator) == ["version 3"]
    # Changes that are under way count: each is newer than the one before.
    assert [creator.edit(name, 1, name)[0]["version"] for name in ("a", "b")] == [4, 5]
    assert creator.remove("c", 1)[0]["version"] == 6


def test_what_can_never_succeed_is_told_and_not_said_again(creator: Conversation) -> None:
    creator.send("a", "first")
    creator.receive({"type": "error", "code": "too-fast", "detail": "slower", "wait": 1})
    assert len(creator.pending) == 1
    creator.receive({"type": "error", "code": "invalid", "detail": "too long", "at": "text", "id": "a"})
    assert creator.pending == []
    assert creator.failed[0]["detail"] == "too long"


def test_another_database_is_begun_with_anew(creator: Conversation) -> None:
    creator.receive(entries(entry(1), entry(2)))
    error = {"type": "error", "code": "unknown-place", "detail": "The chat ends at 1; begin again after 0."}
    assert creator.receive(error) == [{"type": "hello", "after": 0}]
    creator.receive(entries(entry(1, "another")))
    assert texts(creator) == ["another"]
