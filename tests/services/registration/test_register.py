"""Registering writes the user and the event together, or neither."""

from uuid import uuid4

from tests.services.api import Api, refused
from tests.services.registration.town import PASSWORD


def events(api: Api, name: str) -> list[tuple[object, ...]]:
    with api.cluster.connect(api.database) as connection:
        query = (
            "SELECT topic, type, version, key, payload, correlation_id, state FROM main.events"
            " WHERE payload ->> 'name' = %s"
        )
        return connection.execute(query, (name,)).fetchall()


def user_id(api: Api, name: str) -> int | None:
    with api.cluster.connect(api.database) as connection:
        row = connection.execute("SELECT id FROM main.users WHERE name = %s", (name,)).fetchone()
    return row[0] if row else None


def body(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "password": PASSWORD, **more}


def test_user_and_event_are_written_together(api: Api) -> None:
    name = f"u{uuid4().hex[:12]}"
    with api.guest() as guest:
        answer = guest.post("/register", json=body(name, email="vera@example.org"))
    assert answer.status_code == 201
    user = user_id(api, name)
    payload = {"user_id": user, "name": name, "email": "vera@example.org"}
    request = answer.headers["X-Request-ID"]
    assert events(api, name) == [
        ("registrations", "user.registered", 1, f"user:{user}", payload, request, "waiting"),
    ]


def test_without_an_address_the_event_has_none(api: Api) -> None:
    name = f"u{uuid4().hex[:12]}"
    with api.guest() as guest:
        assert guest.post("/register", json=body(name)).status_code == 201
    ((*_, payload, _, _),) = events(api, name)
    assert isinstance(payload, dict)
    assert payload["email"] is None


def test_a_refused_registration_tells_nothing(api: Api) -> None:
    with api.guest() as guest:
        refused(guest.post("/register", json=body("moderator")), 409, "name-taken")
        refused(guest.post("/register", json=body("xy", email="nobody")), 422, "invalid-fields")
    assert events(api, "moderator") == events(api, "xy") == []


def test_without_its_event_there_is_no_user(api: Api) -> None:
    name = f"u{uuid4().hex[:12]}"
    with api.cluster.connect(api.database) as connection:
        connection.execute("REVOKE INSERT (payload) ON main.events FROM sp_main")
        try:
            with api.guest() as guest:
                assert guest.post("/register", json=body(name)).status_code == 500
        finally:
            connection.execute("GRANT INSERT (payload) ON main.events TO sp_main")
    assert user_id(api, name) is None
