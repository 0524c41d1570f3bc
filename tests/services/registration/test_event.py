"""The event `user.registered` as text on the wire, and who may cause one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.gateway.domain.composing import compose
from services.gateway.domain.welcome import welcome
from services.main.domain.user import SHORTEST_PASSWORD
from services.main.entrypoints.shapes import Registration
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


odd = st.sampled_from(["=?", "?=", "é", "ü", "q", ".", "+", "'"])
locals_ = st.lists(odd, min_size=1, max_size=6).map("".join)
addresses = st.emails() | st.builds("{}@{}".format, locals_, st.sampled_from(["example.org", "bücher.example"]))


@given(addresses)
def test_whoever_may_register_with_an_address_can_be_mailed(address: str) -> None:
    """Or anybody could fill the operators' dead letters."""
    try:
        wanted = Registration(name="vera", password="x" * SHORTEST_PASSWORD, email=address)
    except ValidationError:
        return
    assert wanted.email
    compose(welcome(wanted.name, wanted.email))
