"""The API of main: who may do what, and what bad input gets. No relay runs here, so nothing moves by itself."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.services.api import Api, refused
from tests.services.cluster import APP_USERS
from tests.services.feed_client import trusting
from tests.services.processes import SECRETS, eventually


def test_guests_see_the_stocks_and_an_empty_cart(api: Api) -> None:
    with api.guest() as client:
        stocks = client.get("/stocks").json()["stocks"]
        assert len(stocks) >= 6
        assert set(stocks[0]) == {"id", "company", "price", "is_growing", "description", "picture", "version"}
        one = client.get(f"/stocks/{stocks[0]['id']}")
        assert one.json() == stocks[0]
        picture = client.get(stocks[0]["picture"])
        assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/svg+xml")
        assert client.get("/requests/cart").text == '{"draft_id":null}'


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/stocks/1/draft"), ("GET", "/requests/1"), ("PUT", "/requests/1/form"), ("GET", "/requests/x")],
)
def test_guests_cannot_touch_requests(api: Api, method: str, path: str) -> None:
    with api.guest() as client:
        refused(client.request(method, path), 401, "sign-in-needed")


def test_the_session_cookie_is_out_of_reach_for_scripts_and_other_sites(api: Api) -> None:
    with api.guest() as client:
        answer = client.post("/login", json={"name": "creator", "password": APP_USERS["creator"]})
        cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    attributes = {part.strip().split("=")[0].lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "max-age", "path", "samesite", "secure"}
    assert "SameSite=lax" in cookie


def test_signing_out_ends_the_session_in_the_database(api: Api) -> None:
    with api.signed_in() as client:
        stolen = dict(client.cookies)
        assert client.post("/logout").status_code == 204
        assert "__Host-session" not in client.cookies
        assert client.post("/logout").status_code == 204
        client.cookies.update(stolen)
        refused(client.get("/requests/1"), 401, "sign-in-needed")


def test_signing_in_anew_ends_the_old_session(api: Api) -> None:
    with api.signed_in() as client:
        old = dict(client.cookies)
        client.post("/login", json={"name": "second", "password": APP_USERS["second"]})
        client.cookies.clear()
        client.cookies.update(old)
        refused(client.get("/requests/1"), 401, "sign-in-needed")


def test_an_expired_session_is_none(api: Api) -> None:
    with api.signed_in("second") as client:
        with api.cluster.connect(api.database) as connection:
            query = (
                "UPDATE main.sessions SET expires_at = now()"
                " WHERE user_id = (SELECT id FROM main.users WHERE name = 'second')"
            )
            connection.execute(query)
        refused(client.get("/requests/1"), 401, "sign-in-needed")


@pytest.mark.parametrize(
    ("name", "password"),
    [("creator", "wrong"), ("nobody", "wrong"), ("creator' OR '1'='1", "x"), ("creator", APP_USERS["second"])],
)
def test_wrong_credentials_are_refused_alike(api: Api, name: str, password: str) -> None:
    with api.guest() as client:
        problem = refused(client.post("/login", json={"name": name, "password": password}), 401, "sign-in-refused")
    assert problem["detail"] == "Name or password are wrong."


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", "http://localhost", "https://localhost"])
def test_unsafe_calls_from_elsewhere_are_refused(api: Api, origin: str) -> None:
    with api.signed_in() as client:
        for path in ("/stocks/1/draft", "/login", "/logout"):
            refused(client.post(path, headers={"Origin": origin}), 403, "foreign-origin")
        refused(client.put("/requests/1/form", headers={"Origin": origin}), 403, "foreign-origin")
        assert client.get("/requests/cart", headers={"Origin": origin}).status_code == 200


def test_unsafe_calls_need_an_origin(api: Api) -> None:
    with api.launcher.client(api.url) as client:
        refused(client.post("/login", json={}), 403, "foreign-origin")


def test_every_unsafe_route_is_guarded(api: Api) -> None:
    """Whatever route is added: without Origin and without token it is refused before anything else is looked at."""
    with api.launcher.client(api.url) as client:
        paths = client.get("/openapi.json").json()["paths"]
        unsafe = [(method, path) for path, item in paths.items() for method in item if method not in {"get", "head"}]
        assert len(unsafe) >= 5
        for method, path in unsafe:
            answer = client.request(method, re.sub(r"{[a-z_]+}", "1", path))
            assert answer.status_code in {401, 403}, (method, path, answer.text)


def test_one_draft_however_many_clicks_at_once(api: Api) -> None:
    with api.signed_in("second") as client:
        with ThreadPoolExecutor(8) as pool:
            drafts = {
                answer.json()["draft_id"] for answer in pool.map(lambda _: client.post("/stocks/2/draft"), range(16))
            }
        assert len(drafts) == 1
        (draft,) = drafts
        (item,) = client.get(f"/requests/{draft}").json()["items"]
        assert (item["stock_id"], item["quantity"], item["result"]) == (2, 16, None)
        assert client.get("/requests/cart").json() == {"draft_id": draft}
        assert client.put(f"/requests/{draft}/form").status_code == 202


def test_forming_twice_at_once_forms_once(api: Api) -> None:
    with api.signed_in() as client:
        draft = api.fresh_draft(client)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: client.put(f"/requests/{draft}/form").status_code, range(8)))
    assert sorted(answers) == [202] + [409] * 7
    with api.cluster.connect(api.database) as connection:
        query = "SELECT count(*) FROM main.outbox WHERE payload->>'request' = %s"
        assert connection.execute(query, [str(draft)]).fetchone() == (1,)


def test_state_and_outbox_commit_together(api: Api) -> None:
    """When the outbox cannot be written, the request stays a draft."""
    with api.signed_in() as client, api.cluster.connect(api.database) as connection:
        draft = api.fresh_draft(client)
        connection.execute("ALTER TABLE main.outbox ADD CONSTRAINT full_up CHECK (false) NOT VALID")
        try:
            problem = refused(client.put(f"/requests/{draft}/form"), 500, None)
        finally:
            connection.execute("ALTER TABLE main.outbox DROP CONSTRAINT full_up")
        assert "full_up" not in str(problem)
        assert client.get(f"/requests/{draft}").json()["state"] == "draft"
        assert client.put(f"/requests/{draft}/form").status_code == 202


def test_another_creators_request_does_not_exist(api: Api) -> None:
    with api.signed_in() as client, api.signed_in("second") as other, api.signed_in("moderator") as moderator:
        draft = api.fresh_draft(client)
        for stranger in (other, moderator):
            refused(stranger.get(f"/requests/{draft}"), 404, "not-found")
            refused(stranger.put(f"/requests/{draft}/form"), 404, "not-found")
        refused(client.get("/requests/999999"), 404, "not-found")
        client.put(f"/requests/{draft}/form")
        refused(other.get(f"/requests/{draft}"), 404, "not-found")
        assert moderator.get(f"/requests/{draft}").json()["creator"] == "creator"
        refused(moderator.put(f"/requests/{draft}/form"), 403, "creators-only")
        refused(moderator.post("/stocks/1/draft"), 403, "creators-only")
        assert moderator.get("/requests/cart").json() == {"draft_id": None}


def test_forming_what_is_formed_is_a_conflict(api: Api) -> None:
    with api.signed_in() as client:
        draft = api.fresh_draft(client)
        client.put(f"/requests/{draft}/form")
        problem = refused(client.put(f"/requests/{draft}/form"), 409, "wrong-state")
        assert problem["detail"] == "The request is formed; it would have to be draft."


def test_a_quantity_has_a_bound(api: Api) -> None:
    with api.signed_in() as client, api.cluster.connect(api.database) as connection:
        draft = api.fresh_draft(client)
        connection.execute("UPDATE main.request_items SET quantity = 1000000 WHERE request_id = %s", [draft])
        refused(client.post("/stocks/1/draft"), 409, "quantity-bound")


@pytest.mark.parametrize("stock", ["999999", str(2**63 - 1)])
def test_a_stock_that_is_not_there(api: Api, stock: str) -> None:
    with api.signed_in() as client:
        refused(client.get(f"/stocks/{stock}"), 404, "not-found")
        refused(client.post(f"/stocks/{stock}/draft"), 404, "not-found")


@pytest.mark.parametrize("stock", ["0", "-1", "x", str(2**63), "1.5", "%00", "1%27"])
def test_a_stock_that_cannot_be(api: Api, stock: str) -> None:
    with api.signed_in() as client:
        problem = refused(client.get(f"/stocks/{stock}"), 422, "invalid-fields")
        assert [error["at"] for error in problem["errors"]] == ["path.stock_id"]
        refused(client.post(f"/stocks/{stock}/draft"), 422, "invalid-fields")


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"", 400, "not-json"),
        (b"{", 400, "not-json"),
        (b'{"name": "\xff\xfe", "password": "x"}', 400, "not-json"),
        (b'{"name": "\\ud800", "password": "x"}', 400, "not-json"),
        (b"[]", 422, "invalid-fields"),
        (b'{"name": "creator"}', 422, "invalid-fields"),
        (b'{"name": 1, "password": "x"}', 422, "invalid-fields"),
        (b'{"name": "a\\u0000b", "password": "x"}', 422, "invalid-fields"),
        (b'{"name": "creator", "password": "x", "role": "moderator"}', 422, "invalid-fields"),
        (b'{"name": "' + b"x" * 101 + b'", "password": "x"}', 422, "invalid-fields"),
        (b'{"name": "' + b"x" * 40000 + b'", "password": "x"}', 413, None),
        (b"[" * 4000, 400, "not-json"),
    ],
)
def test_bad_bodies(api: Api, content: bytes, status: int, kind: str | None) -> None:
    with api.guest() as client:
        answer = client.post("/login", content=content, headers={"Content-Type": "application/json"})
        refused(answer, status, kind)


def test_what_was_sent_is_not_repeated(api: Api) -> None:
    with api.guest() as client:
        answer = client.post("/login", json={"name": "creator", "password": "hunter2" * 50})
        refused(answer, 422, "invalid-fields")
        assert "hunter2" not in answer.text


def test_a_body_without_a_length_is_bounded_too(api: Api) -> None:
    with api.guest() as client:
        headers = {"Content-Type": "application/json"}
        refused(client.post("/login", content=(b"x" * 1000 for _ in range(40)), headers=headers), 413, None)


def test_forms_are_not_taken(api: Api) -> None:
    with api.guest() as client:
        refused(client.post("/login", data={"name": "creator", "password": "x"}), 415, None)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/stocks/", 404),
        ("PUT", "/stocks/1/put/", 404),
        ("PUT", "//stocks/1/put", 404),
        ("PUT", "/Stocks/1/put", 404),
        ("PATCH", "/stocks", 405),
        ("GET", "/login", 405),
        ("GET", "/docs", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
    ],
)
def test_other_paths_and_methods(api: Api, method: str, path: str, status: int) -> None:
    with api.guest() as client:
        refused(client.request(method, path), status, None)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/stocks", 200), ("/", 200), ("/static/app.js", 200), ("/nowhere", 404), ("/login", 405), ("/requests", 401)],
)
def test_head_is_answered_as_get_without_the_content(api: Api, path: str, status: int) -> None:
    with api.guest() as client:
        whole, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (status, b"")
        changing = {"date", "x-request-id", "set-cookie"}
        if status >= 400:
            # The number of the request stands in the content.
            changing.add("content-length")
        told = [{name: value for name, value in each.headers.items() if name not in changing} for each in (whole, head)]
        assert told[0] == told[1]


def test_head_of_a_stream_ends_and_its_connection_serves_on(api: Api) -> None:
    with api.guest() as client:
        # With a cursor it says nothing until something happens.
        cursor = client.get("/feed/snapshot").json()["cursor"]
        began = monotonic()
        for _ in range(3):
            answer = client.head("/feed/events", headers={"Last-Event-ID": cursor})
            assert (answer.status_code, answer.content) == (200, b"")
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            assert client.get("/stocks").status_code == 200
        assert monotonic() - began < 5
    routes = [line["route"] for line in api.main.lines() if line.get("method") == "HEAD"]
    assert routes[-3:] == ["/feed/events"] * 3


def test_a_socket_that_leads_nowhere_is_refused_with_problem_details(api: Api) -> None:
    with (
        pytest.raises(InvalidStatus) as caught,
        connect(f"{api.url.replace('https', 'wss')}/nowhere", ssl=trusting(api.cluster.ca), proxy=None),
    ):
        pass
    answer = caught.value.response
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert json.loads(answer.body)["title"] == "Not Found"


def test_every_answer_carries_the_security_headers(api: Api) -> None:
    with api.guest() as client:
        for path in ("/", "/stocks", "/nowhere", "/static/app.js", "/pages/login"):
            headers = client.get(path).headers
            assert headers["Content-Security-Policy"].startswith(
                "default-src 'none'; script-src 'self'; style-src 'self'"
            )
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "server" not in headers
        assert client.get("/stocks").headers["Cache-Control"] == "no-store"
        assert client.get("/static/app.js").headers["Cache-Control"] == "public, max-age=300"


def test_a_request_id_is_taken_given_back_and_logged(api: Api) -> None:
    with api.guest() as client:
        kept = client.get("/stocks", headers={"X-Request-ID": "given-by-test"}).headers["X-Request-ID"]
        made = client.get("/stocks", headers={"X-Request-ID": "not acceptable"}).headers["X-Request-ID"]
    assert (kept, len(made)) == ("given-by-test", 32)

    def logged() -> list[tuple[str, int]]:
        lines = [line for line in api.main.lines() if line.get("request_id") in {kept, made}]
        return [(line["route"], line["status"]) for line in lines]

    # The line is written after the answer.
    eventually(lambda: logged() == [("/stocks", 200)] * 2, what="the lines of both")


def test_pages_need_no_inline_script_or_style(api: Api) -> None:
    with api.signed_in() as client:
        draft = api.fresh_draft(client)
        pages = [client.get(path) for path in ("/", f"/pages/requests/{draft}")]
        client.put(f"/requests/{draft}/form")
        pages += [client.get(f"/pages/requests/{draft}"), client.get("/pages/requests/999999")]
    with api.guest() as client:
        pages.append(client.get("/pages/login"))
        redirect = client.get(f"/pages/requests/{draft}")
    assert [page.status_code for page in pages] == [200, 200, 200, 404, 200]
    assert (redirect.status_code, redirect.headers["Location"]) == (
        303,
        f"/pages/login?next=%2Fpages%2Frequests%2F{draft}",
    )
    for page in pages:
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        for part in ("<style", "style=", "onclick", "javascript:", "<script>"):
            assert part not in page.text
    assert f'href="/pages/requests/{draft}"' in pages[0].text
    assert "waiting…" in pages[2].text


def test_no_secret_gets_into_the_log(api: Api) -> None:
    with api.signed_in() as client:
        token = client.cookies["__Host-session"]
        client.get("/requests/1")
    told = api.main.log.read_text() + api.main.errors.read_text()
    assert api.main.errors.read_text() == ""
    for secret in (*SECRETS.values(), *APP_USERS.values(), api.cluster.password, token):
        assert secret not in told


def test_a_lost_connection_is_replaced(api: Api) -> None:
    with api.guest() as client, api.cluster.connect("postgres") as connection:
        assert client.get("/stocks").status_code == 200
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sallyport-main'"
        )
        assert client.get("/stocks").status_code == 200


def test_the_application_is_a_factory_for_uvicorn_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    import logging

    from services.main.app import create_app

    for name, value in api.main.environment.items():
        monkeypatch.setenv(name, value)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        assert create_app().title == "Sallyport"
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
