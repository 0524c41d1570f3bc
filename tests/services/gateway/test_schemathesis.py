"""The queue API against its own description: whatever is sent, no 5xx."""

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error

from tests.services.gateway.gateway import TOKEN, Gateway

pytestmark = pytest.mark.thorough

EXAMPLES = 25
OPERATIONS = [
    "GET /dead-letters",
    "GET /messages/{message}",
    "POST /messages",
    "POST /messages/{message}/dismiss",
    "POST /messages/{message}/redrive",
]


@pytest.fixture(scope="module")
def described(gateway: Gateway) -> Any:
    return schemathesis.openapi.from_dict(gateway.client.get("/openapi.json").json())


def test_every_operation_is_called(described: Any) -> None:
    assert sorted(operation.ok().label for operation in described.get_all_operations()) == OPERATIONS


@pytest.mark.parametrize("mode", schemathesis.GenerationMode)
@pytest.mark.parametrize("label", OPERATIONS)
def test_whatever_is_sent_is_answered(
    gateway: Gateway, described: Any, label: str, mode: schemathesis.GenerationMode
) -> None:
    operation = described.find_operation_by_label(label)
    session = requests.Session()
    session.trust_env = False

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode))
    def call(case: schemathesis.Case[Any]) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        response = case.call(base_url=gateway.url, session=session, headers=headers, verify=str(gateway.cluster.ca))
        case.validate_response(response, checks=[not_a_server_error], headers=headers)

    with session:
        call()
