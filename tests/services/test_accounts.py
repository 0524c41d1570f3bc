"""Accounts: who may register, how often one may guess, and where one is signed in."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.main.domain.allowance import SIGN_IN_BY_ACCOUNT, SIGN_IN_BY_ADDRESS, network
from tests.services.api import Api, refused
from tests.services.cluster import APP_USERS

PASSWORD = "correct horse battery"  # noqa: S105 - of users that live for a minute


def registration(**changes: Any) -> dict[str, Any]:
    return {"name": f"u{uuid4().hex[:12]}", "password": PASSWORD, "email": "someone@example.org", **changes}


@pytest.fixture
def guest(api: Api) -> httpx.Client:
    return from_address(api, f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1")


def from_address(api: Api, address: str) -> httpx.Client:
    """A guest somewhere else: what the proxy of the web host would say."""
    client = api.guest()
    client.headers["X-Forwarded-For"] = address
    return client


@pytest.fixture(autouse=True)
def no_guesses_yet(api: Api) -> Iterator[None]:
    yield
    with api.cluster.connect(api.database) as connection:
        connection.execute("DELETE FROM main.allowances")


def test_who_registers_is_a_creator(api: Api, guest: httpx.Client) -> None:
    wanted = registration()
    answer = guest.post("/register", json=wanted)
    assert (answer.status_code, answer.json()) == (201, {"name": wanted["name"], "role": "creator"})
    assert "Set-Cookie" not in answer.headers
    assert guest.post("/login", json={"name": wanted["name"], "password": PASSWORD}).status_code == 200
    assert guest.post("/stocks/1/draft").status_code == 200
    with api.cluster.connect(api.database) as connection:
        query = "SELECT email, role, password_hash FROM main.users WHERE name = %s"
        row = connection.execute(query, [wanted["name"]]).fetchone()
    assert row is not None
    assert row[:2] == (wanted["email"], "creator")
    assert row[2].startswith("$argon2id$")


@pytest.mark.parametrize("name", ["Vera-1", "вера.ё", "a_b"])
def test_names_of_either_alphabet_sign_in_in_any_case(guest: httpx.Client, name: str) -> None:
    assert guest.post("/register", json=registration(name=name, email=None)).status_code == 201
    refused(guest.post("/register", json=registration(name=name.swapcase())), 409, "name-taken")
    answer = guest.post("/login", json={"name": name.swapcase(), "password": PASSWORD})
    assert answer.json() == {"name": name, "role": "creator"}


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"name": "ab"}, "name"),
        ({"name": "x" * 33}, "name"),
        ({"name": "сreator"}, "name"),
        ({"name": "a b c"}, "name"),
        ({"name": "-abc"}, "name"),
        ({"name": "abc\n"}, "name"),
        ({"name": "a\x00bc"}, "name"),
        ({"name": "<b>bold</b>"}, "name"),
        ({"name": "x' OR 1=1"}, "name"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b"}, "email"),
        ({"email": "a@example.org\r\nBcc: b@example.org"}, "email"),
        ({"email": "x" * 250 + "@example.org"}, "email"),
        ({"email": "пётр@example.org"}, "email"),
        ({"email": "=?utf-8?q?a=2Cb?=@example.org"}, "email"),
        ({"password": "short pass"}, "password"),
        ({"password": "x" * 201}, "password"),
        ({"password": "ababababababab"}, "password"),
        ({"name": "someone", "password": "I am Someone 1"}, "password"),
        ({"email": "horse@example.org"}, "password"),
        ({"role": "moderator"}, "role"),
        ({"id": 1}, "id"),
    ],
)
def test_wrong_registrations_are_refused(guest: httpx.Client, changes: dict[str, Any], at: str) -> None:
    problem = refused(guest.post("/register", json=registration(**changes)), 422, "invalid-fields")
    assert {error["at"] for error in problem["errors"]} == {at}
    assert PASSWORD not in str(problem)


def test_registrations_are_limited_by_address(api: Api) -> None:
    client = from_address(api, "198.51.100.7")
    with api.cluster.connect(api.database) as connection:
        connection.execute("DELETE FROM main.allowances")
        assert client.post("/register", json=registration()).status_code == 201
        connection.execute("UPDATE main.allowances SET spent_until = now() + interval '20 minutes'")
    answer = client.post("/register", json=registration())
    refused(answer, 429, "too-many-attempts")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def guess(client: httpx.Client, name: str, password: str = "wrong") -> httpx.Response:  # noqa: S107
    return client.post("/login", json={"name": name, "password": password})


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["creator", "nobody at all"])
def test_guesses_at_one_account_are_limited_wherever_they_come_from(api: Api, name: str) -> None:
    """And alike whether the account exists: the limit tells nothing about that."""
    for number in range(SIGN_IN_BY_ACCOUNT.burst):
        refused(guess(from_address(api, f"198.51.100.{number}"), name), 401, "sign-in-refused")
    answer = guess(from_address(api, "203.0.113.1"), name.upper(), APP_USERS["creator"])
    refused(answer, 429, "too-many-attempts")
    assert 1 <= int(answer.headers["Retry-After"]) <= SIGN_IN_BY_ACCOUNT.every
    # Others are not shut out.
    assert guess(from_address(api, "203.0.113.1"), "second", APP_USERS["second"]).status_code == 200


def test_another_spelling_of_a_name_is_no_way_around_its_limit(api: Api) -> None:
    """PostgreSQL's lower() makes an i of the dotted capital; casefold() an i with a dot above."""
    assert api.guest().post("/register", json={"name": "vivian", "password": PASSWORD}).status_code == 201
    for number, name in enumerate(("v\u0130vian", "viv\u0130an", "v\u0130v\u0130an")):
        client = from_address(api, f"198.51.100.{100 + number}")
        refused(guess(client, name, PASSWORD), 401, "sign-in-refused")
    assert guess(from_address(api, "203.0.113.7"), "VIVIAN", PASSWORD).status_code == 200


def test_a_limit_outlives_the_process_and_grows_back(api: Api) -> None:
    client = from_address(api, "203.0.113.2")
    for _ in range(SIGN_IN_BY_ACCOUNT.burst):
        guess(client, "creator")
    api.main.stop()
    api.launcher.start(api.main, api.url)
    refused(guess(client, "creator", APP_USERS["creator"]), 429, "too-many-attempts")
    with api.cluster.connect(api.database) as connection:
        connection.execute(
            "UPDATE main.allowances SET spent_until = spent_until - make_interval(secs => %s)",
            [SIGN_IN_BY_ACCOUNT.every],
        )
    assert guess(client, "creator", APP_USERS["creator"]).status_code == 200


def test_guesses_from_one_address_are_limited_whatever_the_account(api: Api) -> None:
    client = from_address(api, "2001:db8:5:6:1::1")
    refused(guess(client, "somebody"), 401, "sign-in-refused")
    with api.cluster.connect(api.database) as connection:
        seconds = SIGN_IN_BY_ADDRESS.every * SIGN_IN_BY_ADDRESS.burst
        connection.execute("UPDATE main.allowances SET spent_until = now() + make_interval(secs => %s)", [seconds])
    # The neighbour in the same /64 is most likely the same machine.
    refused(guess(from_address(api, "2001:db8:5:6:2::2"), "second", APP_USERS["second"]), 429, "too-many-attempts")
    assert guess(from_address(api, "2001:db8:5:7::1"), "second", APP_USERS["second"]).status_code == 200


def test_a_right_password_costs_nothing(api: Api) -> None:
    client = from_address(api, "203.0.113.3")
    for _ in range(SIGN_IN_BY_ACCOUNT.burst + 5):
        assert guess(client, "second", APP_USERS["second"]).status_code == 200


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("nonsense", "nonsense"),
    ],
)
def test_what_of_an_address_is_counted(address: str, counted: str) -> None:
    assert network(address) == counted


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_all_of_a_64_is_counted_as_one(address: Any, host: int) -> None:
    if address.ipv4_mapped is None:
        neighbour = type(address)(int(address) >> 64 << 64 | host)
        if neighbour.ipv4_mapped is None:
            assert network(str(address)) == network(str(neighbour))


def test_sessions_are_listed_and_ended_one_by_one(api: Api) -> None:
    here, there = (from_address(api, f"192.0.2.{number}") for number in (1, 2))
    there.headers["User-Agent"] = "Somewhere <b>else</b> " + "x" * 300
    for client in (here, there):
        assert guess(client, "second", APP_USERS["second"]).status_code == 200
    sessions = here.get("/sessions").json()["sessions"]
    by_address = {session["address"]: session for session in sessions}
    assert [session["is_current"] for session in sessions].count(True) == 1
    assert by_address["192.0.2.1"]["is_current"]
    assert len(by_address["192.0.2.2"]["agent"]) == 200
    assert set(by_address["192.0.2.1"]) == {
        "id", "created_at", "seen_at", "expires_at", "address", "agent", "is_current"
    }  # fmt: skip
    other = f"/sessions/{by_address['192.0.2.2']['id']}"
    with api.signed_in() as stranger:
        refused(stranger.delete(other), 404, "not-found")
    assert there.get("/requests").status_code == 200
    assert here.delete(other).status_code == 204
    refused(there.get("/requests"), 401, "sign-in-needed")
    refused(here.delete(other), 404, "not-found")
    refused(here.delete("/sessions/x"), 422, "invalid-fields")
    assert here.get("/requests").status_code == 200


def test_signing_out_everywhere(api: Api) -> None:
    with api.signed_in("second") as here, api.signed_in("second") as there, api.signed_in() as other:
        assert here.delete("/sessions").status_code == 204
        assert "__Host-session" not in here.cookies
        for client in (here, there):
            refused(client.get("/requests"), 401, "sign-in-needed")
        assert other.get("/requests").status_code == 200


def test_a_session_that_nobody_uses_ends(api: Api) -> None:
    with api.signed_in("second") as client, api.cluster.connect(api.database) as connection:
        for minutes, status in ((59, 200), (59, 200), (61, 401)):
            # Each use begins the hour anew.
            connection.execute("UPDATE main.sessions SET seen_at = seen_at - make_interval(mins => %s)", [minutes])
            assert client.get("/requests").status_code == status


def test_a_client_cannot_choose_its_address(api: Api) -> None:
    """Nginx writes the last word of the header, and it alone is believed."""
    client = from_address(api, "203.0.113.9, 192.0.2.77")
    guess(client, "second", APP_USERS["second"])
    (current,) = [each for each in client.get("/sessions").json()["sessions"] if each["is_current"]]
    assert current["address"] == "192.0.2.77"
