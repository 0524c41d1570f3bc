"""The event `user.registered` as text on the wire."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration import TYPE, VERSION, Registered, Unreadable

TEXT = st.text(min_size=1)


@given(st.builds(Registered, st.integers(), TEXT, st.none() | TEXT))
def test_what_was_told_is_understood(registered: Registered) -> None:
    assert Registered.read(TYPE, VERSION, json.loads(json.dumps(registered.payload()))) == registered


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"type_": "user.deleted"}, "type 'user.deleted', and this topic carries user.registered"),
        ({"version": 2}, "user.registered of version 2, and this release knows version 1"),
        ({"payload": {}}, "payload: user_id is no whole number"),
        ({"payload": {"user_id": True, "name": "v"}}, "payload: user_id is no whole number"),
        ({"payload": {"user_id": 1, "name": ""}}, "payload: name is no text"),
        ({"payload": {"user_id": 1, "name": "v", "email": 7}}, "payload: email is neither a text nor null"),
    ],
)
def test_what_is_not_understood_is_told(changed: dict[str, Any], reason: str) -> None:
    call: dict[str, Any] = {"type_": TYPE, "version": VERSION, "payload": Registered(1, "vera", None).payload()}
    with pytest.raises(Unreadable, match=f"^{reason}$"):
        Registered.read(**call | changed)
