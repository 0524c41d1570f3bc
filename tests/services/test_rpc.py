"""Refusals on gRPC and over HTTP have the same verdict, and the same payloads are jobs."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode, aio
from grpc_status import rpc_status
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.main.adapters.hand_over.rpc import request_of
from services.problem import Problem
from services.retry import Answered, Backoff, Outcome, Unreachable, Verdict, decide
from services.rpc import outcome_of, status_of
from services.status.entrypoints.rpc import fields_of
from services.status.entrypoints.taking import SetStatus

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def verdict(outcome: Outcome) -> Verdict:
    return decide(outcome, 1, Backoff(), Random(1), NOW)


def came(status: grpc.Status) -> aio.AioRpcError:
    """The status as it is at the caller's end."""
    trailing = aio.Metadata(*(status.trailing_metadata or ()))
    return aio.AioRpcError(status.code, aio.Metadata(), trailing, status.details)


@pytest.mark.parametrize("code", [401, 403, 404, 409, 413, 422, 429, 503, 500])
def test_a_refusal_has_the_same_verdict_either_way(code: int) -> None:
    headers = {"Retry-After": "7"} if code in {429, 503} else {}
    problem = Problem(code, "some-kind", "Some words.", headers=headers)
    over_http = verdict(Answered(code, headers.get("Retry-After")))
    over_grpc = verdict(outcome_of(came(status_of(problem))))
    assert type(over_grpc) is type(over_http)
    # gRPC has one code for all that is wrong with a message.
    assert over_grpc == over_http or code == 422


def test_the_details_are_google_s_own() -> None:
    errors = [{"at": "pk", "message": "Input should be a number"}]
    problem = Problem(422, "invalid-fields", headers={"Retry-After": "2"}, members={"errors": errors})
    status = rpc_status.from_call(came(status_of(problem)))  # type: ignore[arg-type] # has all that is read of a call
    assert status is not None
    assert (status.code, status.message) == (StatusCode.INVALID_ARGUMENT.value[0], "Invalid fields")
    info, wait, bad = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo(), error_details_pb2.BadRequest()
    for detail, message in zip(status.details, (info, wait, bad), strict=True):
        assert detail.Unpack(message)
    assert (info.reason, info.domain) == ("INVALID_FIELDS", "sallyport")
    assert wait.retry_delay.seconds == 2
    assert [(each.field, each.description) for each in bad.field_violations] == [("pk", "Input should be a number")]


def test_exhausted_passes_only_with_retry_info() -> None:
    def outcome(*details: AnyMessage) -> Outcome:
        code: int = StatusCode.RESOURCE_EXHAUSTED.value[0]
        return outcome_of(came(rpc_status.to_status(status_pb2.Status(code=code, message="x", details=details))))

    (wait := AnyMessage()).Pack(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1, nanos=1)))
    assert outcome() == Answered(413)
    assert outcome(wait) == Answered(429, "2")


@pytest.mark.parametrize("code", [StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED, StatusCode.CANCELLED])
def test_what_our_own_end_says_is_no_answer(code: StatusCode) -> None:
    error = aio.AioRpcError(code, aio.Metadata(), aio.Metadata(), "some words")
    assert outcome_of(error) == Unreachable(f"{code.name}: some words")


@pytest.mark.parametrize("code", [code for code in StatusCode if code is not StatusCode.OK])
def test_every_code_has_an_outcome_and_garbage_in_the_details_does_no_harm(code: StatusCode) -> None:
    for trailing in (aio.Metadata(), aio.Metadata(("grpc-status-details-bin", b"\xff\xff"))):
        assert verdict(outcome_of(aio.AioRpcError(code, aio.Metadata(), trailing, "")))


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.integers(1, 9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.uuids().map(str),
    st.text(max_size=40),
    st.lists(st.integers(), max_size=2),
)


@given(
    st.fixed_dictionaries({"pk": values}, optional={"job": values, "request": values, "result": values}),
)
def test_the_same_payloads_are_the_same_jobs_over_grpc_and_over_http(payload: Mapping[str, Any]) -> None:
    over_http = over_grpc = None
    with suppress(ValidationError):
        over_http = SetStatus.model_validate_json(json.dumps(payload))
    with suppress(ValueError, Problem):
        over_grpc = SetStatus.of(fields_of(request_of(payload)))
    assert over_grpc == over_http
