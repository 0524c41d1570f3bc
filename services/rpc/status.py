"""Refusals on gRPC: a status code and, in its details, what HTTP says in headers and body (google.rpc, AIP-193)."""

import math
from collections.abc import Iterable, Mapping
from typing import cast

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode
from grpc_status import rpc_status

from services.problem import Problem
from services.retry import Answered, Outcome, Unreachable

DOMAIN = "sallyport"

_CODES = {
    400: StatusCode.INVALID_ARGUMENT,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.NOT_FOUND,
    409: StatusCode.ALREADY_EXISTS,
    413: StatusCode.RESOURCE_EXHAUSTED,
    422: StatusCode.INVALID_ARGUMENT,
    429: StatusCode.RESOURCE_EXHAUSTED,
    503: StatusCode.UNAVAILABLE,
}
# As google/rpc/code.proto maps them.
_STATUSES = {
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNAUTHENTICATED: 401,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.UNIMPLEMENTED: 501,
}
# They may come from our own end, or from somewhere in between.
_NO_ANSWER = frozenset({StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED, StatusCode.CANCELLED})


def status_of(problem: Problem) -> grpc.Status:
    """The same refusal: RetryInfo for Retry-After, BadRequest for the fields, ErrorInfo for the kind."""
    code = _CODES.get(problem.status, StatusCode.INTERNAL)
    details: list[Message] = []
    if problem.kind:
        details.append(error_details_pb2.ErrorInfo(reason=problem.kind.upper().replace("-", "_"), domain=DOMAIN))
    if wait := problem.headers.get("Retry-After"):
        details.append(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=int(wait))))
    if errors := problem.members.get("errors"):
        listed = cast(Iterable[Mapping[str, str]], errors)
        violation = error_details_pb2.BadRequest.FieldViolation
        violations = [violation(field=each["at"], description=each["message"]) for each in listed]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
    number: int = code.value[0]
    packed = []
    for detail in details:
        (wrapped := Any()).Pack(detail)
        packed.append(wrapped)
    text = problem.detail or (problem.kind or code.name).replace("-", " ").capitalize()
    return rpc_status.to_status(status_pb2.Status(code=number, message=text, details=packed))


def outcome_of(error: grpc.aio.AioRpcError) -> Outcome:
    """What came of a call that failed, in HTTP's terms, so that one set of rules decides on every way.

    RESOURCE_EXHAUSTED passes only where RetryInfo says so; otherwise the message is too large (the same reading as
    OpenTelemetry's, OTLP/gRPC).
    """
    code = error.code()
    wait = _asked_wait(error)
    if code is StatusCode.RESOURCE_EXHAUSTED:
        return Answered(413) if wait is None else Answered(429, wait)
    if code is StatusCode.UNAVAILABLE and wait is not None:
        return Answered(503, wait)
    if code in _NO_ANSWER:
        return Unreachable(f"{code.name}: {error.details()}"[:200])
    return Answered(_STATUSES.get(code, 500))


def _asked_wait(error: grpc.aio.AioRpcError) -> str | None:
    """Whole seconds, as Retry-After has them. Details that cannot be read say nothing."""
    info = error_details_pb2.RetryInfo()
    try:
        status = rpc_status.from_call(cast(grpc.Call, error))
        if not any(detail.Unpack(info) for detail in (status.details if status else ())):
            return None
    except (ValueError, DecodeError):
        return None
    return str(max(0, math.ceil(info.retry_delay.seconds + info.retry_delay.nanos / 1e9)))
