"""Creator and moderator talk about a request: through edge, TLS and nginx as deployed."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from network.check.shell import tell
from tests.fleet import secret
from tests.journeys.browser import PATIENCE, form_request, sign_in
from tests.journeys.browser import visitor as window
from tests.web import Visitor

# Seconds that a whole talk may take.
TALK = 10.0

Step = Mapping[str, Any]


def again(visitor: Visitor) -> Visitor:
    """Return somebody else at the same host, who is nobody yet."""
    return Visitor(visitor.shell, visitor.door, visitor.origin)


@pytest.fixture
def moderator(creator: Visitor, state: Path) -> Visitor:
    found = again(creator)
    found.sign_in("moderator", secret(state, "app_user_moderator"))
    return found


@pytest.fixture
def stranger(creator: Visitor) -> Visitor:
    """Return a creator who has no part in anybody's request."""
    found = again(creator)
    body = {"name": f"journey-{uuid4().hex[:12]}", "password": secrets.token_urlsafe(18)}
    assert found("POST", "/register", body).status == 201
    assert found("POST", "/login", body).status == 200
    return found


def talk(visitor: Visitor, steps: Sequence[Step]) -> list[Any]:
    """Follow a script at the visitors' host; see the agent."""
    door = visitor.door
    where = {"ca": door.authority, "address": door.address, "port": door.port, "name": door.name}
    found: list[Any] = tell(visitor.shell, "talk", {**where, "seconds": TALK, "steps": steps})
    return found


def opens(name: str, visitor: Visitor, chat: int, origin: str = "") -> Step:
    headers = {"Host": visitor.origin.removeprefix("https://"), "Origin": origin or visitor.origin}
    if visitor.cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    return {"open": name, "target": f"/requests/{chat}/chat/socket", "headers": headers}


def says(name: str, **message: object) -> Step:
    return {"say": name, "message": message}


def hears(name: str, **until: object) -> Step:
    return {"hear": name, "until": until}


def asks(name: str, seq: int, **message: object) -> list[Step]:
    """Return an operation, and the wait for its ack."""
    return [says(name, **message), hears(name, type="ack", id=message["id"], seq=seq)]


def begins(name: str, visitor: Visitor, chat: int, after: int = 0) -> list[Step]:
    return [opens(name, visitor, chat), says(name, type="hello", after=after), hears(name, type="welcome")]


def entries(heard: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [entry for message in heard if message["type"] == "entries" for entry in message["entries"]]


def test_two_talk_and_one_is_away_in_between(creator: Visitor, moderator: Visitor) -> None:
    chat: int = creator.form_request()["id"]
    when, soon, there, oops, edit, late, gone = (str(uuid4()) for _ in range(7))
    came = talk(
        creator,
        [
            *begins("creator", creator, chat),
            *begins("moderator", moderator, chat),
            *asks("creator", 1, type="send", id=when, text="When?"),
            hears("moderator", type="entries", entries=[{"seq": 1, "author": "creator", "text": "When?"}]),
            *asks("moderator", 2, type="send", id=soon, text="Soon."),
            hears("creator", type="entries", entries=[{"seq": 2, "author": "moderator", "text": "Soon."}]),
            # Its ack was lost: the same number again.
            *asks("creator", 1, type="send", id=when, text="When?"),
            {"close": "moderator"},
            *asks("creator", 3, type="send", id=there, text="Are you there?"),
            *asks("creator", 4, type="edit", id=edit, message=1, version=2, text="When, please?"),
            *asks("creator", 5, type="send", id=oops, text="Oops"),
            *asks("creator", 6, type="delete", id=gone, message=5, version=2),
            says("creator", type="edit", id=late, message=1, version=2, text="Too late"),
            hears("creator", type="error", code="outdated", id=late, version=2),
            *begins("moderator", moderator, chat, after=2),
            hears("moderator", type="entries", entries=[{"seq": 6}]),
            says("moderator", type="mark", delivered=6, read=4),
            hears("creator", type="marks", marks=[{"author": "moderator", "delivered": 6, "read": 4}]),
            says("moderator", type="mark", delivered=6, read=6),
            hears("creator", type="marks", marks=[{"author": "moderator", "delivered": 6, "read": 6}]),
        ],
    )
    # What waited for the moderator: all of it, in order, each once.
    waited = next(heard for heard in reversed(came) if isinstance(heard, list) and entries(heard))
    assert [
        (each["seq"], each["kind"], each["message"], each["version"], each["text"]) for each in entries(waited)
    ] == [
        (3, "text", 3, 1, "Are you there?"),
        (4, "edit", 1, 2, "When, please?"),
        (5, "text", 5, 1, None),
        (6, "delete", 5, 2, None),
    ]
    # Nothing was kept twice.
    kept = moderator("GET", f"/requests/{chat}/chat").json
    assert [(each["seq"], each["author"], each["version"], each["text"]) for each in kept["messages"]] == [
        (1, "creator", 2, "When, please?"),
        (2, "moderator", 1, "Soon."),
        (3, "creator", 1, "Are you there?"),
        (5, "creator", 2, None),
    ]
    assert kept["last"] == 6


def test_only_those_of_the_request_and_only_from_our_pages(
    creator: Visitor, moderator: Visitor, stranger: Visitor
) -> None:
    chat: int = creator.form_request()["id"]
    assert talk(
        creator,
        [
            opens("creator", creator, chat),
            opens("moderator", moderator, chat),
            opens("foreign page", creator, chat, "https://elsewhere.example"),
            opens("stranger", stranger, chat),
            opens("guest", again(creator), chat),
        ],
    ) == [101, 101, 403, 404, 401]


def write(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("button", name="Send").click()


def shows(page: Page, *texts: str) -> None:
    expect(page.locator("[data-chat-messages] .chat-text")).to_have_text(list(texts), timeout=PATIENCE)


def test_two_pages_talk_and_one_is_offline_in_between(
    browser: Browser, address: str, state: Path, complaints: list[str]
) -> None:
    with window(browser, address, complaints) as creator, window(browser, address, complaints) as moderator:
        sign_in(creator, "creator", secret(state, "app_user_creator"))
        path = form_request(creator, "Ladoga Paper")
        sign_in(moderator, "moderator", secret(state, "app_user_moderator"))
        expect(moderator.get_by_role("table")).to_be_visible()
        moderator.goto(path)
        for page in (creator, moderator):
            expect(page.locator("[data-chat-status]")).to_have_text("Connected.")
        write(creator, "When?")
        shows(moderator, "When?")
        expect(creator.locator(".chat-read")).to_be_visible()

        moderator.context.set_offline(True)
        write(creator, "Are you there?")
        write(moderator, "I was away")
        shows(moderator, "When?", "I was away")
        shows(creator, "When?", "Are you there?")
        moderator.context.set_offline(False)
        # With all that the page had in memory gone.
        moderator.goto(path)
        for page in (creator, moderator):
            shows(page, "When?", "Are you there?", "I was away")
    # That there was no network is no fault of the page.
    assert [said for said in complaints if "net::" not in said] == []
