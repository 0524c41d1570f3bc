"""The whole API against its own description: whatever is sent, no 5xx, and every answer is one that was declared."""

from typing import Any

import jsonschema_rs
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.services.api import Api

pytestmark = pytest.mark.thorough

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
]
EXAMPLES = 12
# Schemathesis names what it calls; so does this list, and a test compares the two.
OPERATIONS = [
    "DELETE /requests/{request_id}",
    "DELETE /requests/{request_id}/items/{stock_id}",
    "DELETE /sessions",
    "DELETE /sessions/{session_id}",
    "DELETE /stocks/{stock_id}",
    "GET /feed",
    "GET /feed/snapshot",
    "GET /pictures",
    "GET /requests",
    "GET /requests/cart",
    "GET /requests/{request_id}",
    "GET /requests/{request_id}/chat",
    "GET /requests/{request_id}/timeline",
    "GET /sessions",
    "GET /statistics/registrations",
    "GET /stocks",
    "GET /stocks/{stock_id}",
    "POST /login",
    "POST /logout",
    "POST /register",
    "POST /stocks",
    "POST /stocks/{stock_id}/draft",
    "PUT /requests/{request_id}",
    "PUT /requests/{request_id}/complete",
    "PUT /requests/{request_id}/form",
    "PUT /requests/{request_id}/items/{stock_id}",
    "PUT /requests/{request_id}/reject",
    "PUT /stocks/{stock_id}",
    "PUT /stocks/{stock_id}/put",
]


# They take neither a parameter nor a body: there is nothing about them that could be wrong.
BARE = {
    "DELETE /sessions",
    "GET /feed/snapshot",
    "GET /pictures",
    "GET /requests/cart",
    "GET /sessions",
    "POST /logout",
}
# What a creator is asked for; all else is called by a moderator.
CREATORS = {
    "DELETE /requests/{request_id}",
    "DELETE /requests/{request_id}/items/{stock_id}",
    "POST /stocks/{stock_id}/draft",
    "PUT /requests/{request_id}",
    "PUT /requests/{request_id}/form",
    "PUT /requests/{request_id}/items/{stock_id}",
}
CALLS = [
    pytest.param(label, mode, id=f"{label} {mode.value}")
    for label in OPERATIONS
    for mode in schemathesis.GenerationMode
    if mode is schemathesis.GenerationMode.POSITIVE or label not in BARE
]


@pytest.fixture(scope="module")
def described(api: Api) -> Any:
    with api.guest() as guest:
        document = guest.get("/openapi.json").json()
    return schemathesis.openapi.from_dict(document)


def test_every_operation_is_called(described: Any) -> None:
    found = [operation.ok().label for operation in described.get_all_operations()]
    assert sorted(found) == OPERATIONS


def test_whatever_takes_a_key_may_refuse_it(api: Api) -> None:
    """A call with the same key may be under way, and the key may have been used for another call."""
    with api.guest() as guest:
        paths = guest.get("/openapi.json").json()["paths"]
    keyed = [
        operation
        for item in paths.values()
        for operation in item.values()
        if any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", []))
    ]
    assert len(keyed) >= 10
    assert [each["operationId"] for each in keyed if not {"400", "409", "422"} <= each["responses"].keys()] == []


def test_every_parameter_is_described_and_exemplified_and_no_example_is_wrong(api: Api) -> None:
    with api.guest() as guest:
        document = guest.get("/openapi.json").json()
    examples = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for each in operation.get("parameters", []):
                schema = each["schema"]
                found = [each["example"]] if "example" in each else schema.get("examples", [])
                assert found, (method, path, each["name"])
                assert each.get("description"), (method, path, each["name"])
                examples += [(schema, example) for example in found]
    for shape in document["components"]["schemas"].values():
        fields = shape.get("properties", {}).values()
        examples += [(field, example) for field in fields for example in field.get("examples", [])]
    assert len(examples) > 100
    for schema, example in examples:
        jsonschema_rs.validate(schema | {"components": document["components"]}, example)


@pytest.mark.parametrize(("label", "mode"), CALLS)
def test_answers_are_as_described(api: Api, described: Any, label: str, mode: schemathesis.GenerationMode) -> None:
    send(api, described, label, mode, CHECKS)


@pytest.mark.parametrize(("label", "mode"), CALLS)
def test_no_call_fails_behind_nginx(
    behind_nginx: Api, described: Any, label: str, mode: schemathesis.GenerationMode
) -> None:
    # nginx has answers of its own, which the application does not describe; that it fails is in none of them.
    statuses = send(behind_nginx, described, label, mode, [not_a_server_error])
    assert 429 not in statuses


def send(api: Api, described: Any, label: str, mode: schemathesis.GenerationMode, checks: list[Any]) -> set[int]:
    """Make up calls of an operation and check the answers. Their statuses."""
    operation = described.find_operation_by_label(label)
    name = "creator" if label in CREATORS else "moderator"
    with api.signed_in(name) as client:
        cookie = f"__Host-session={client.cookies['__Host-session']}"
        if name == "creator":
            api.fresh_draft(client)
    session = requests.Session()
    session.trust_env = False
    statuses = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode))
    def call(case: schemathesis.Case[Any]) -> None:
        headers = {"Origin": api.url, "Cookie": cookie}
        response = case.call(base_url=api.url, session=session, headers=headers, verify=str(api.cluster.ca))
        statuses.add(response.status_code)
        case.validate_response(response, checks=checks, headers=headers)

    with session:
        call()
    return statuses
