"""Conditional requests (RFC 9110, section 13): who edits says which version they saw.

An entity tag is the digest of a representation. It changes with whatever the caller could see, and with nothing else.
"""

import re
from collections.abc import Callable, Collection
from hashlib import sha256
from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from services.main.domain.errors import Changed
from services.main.use_cases.ports import Check, any_state
from services.problem import Problem

T = TypeVar("T")

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def entity_tag(shape: BaseModel) -> str:
    return f'"{sha256(shape.model_dump_json().encode()).hexdigest()[:32]}"'


def tagged(response: Response, shape: T) -> T:
    """The shape, once the response carries its tag."""
    assert isinstance(shape, BaseModel)
    response.headers["ETag"] = entity_tag(shape)
    return shape


def unless_known(request: Request, shape: BaseModel) -> Response | None:
    """304 for a caller who has this representation already (If-None-Match; tags compare weakly)."""
    tag = entity_tag(shape)
    known = _tags(request, "if-none-match")
    if "*" in known or tag in {each.removeprefix("W/") for each in known}:
        return Response(status_code=304, headers={"ETag": tag})
    return None


def if_match(request: Request, shape_of: Callable[[T], BaseModel]) -> Check[T]:
    """What If-Match asks: the thing, as it is now, has one of these tags (compared strongly). Without it, nothing."""
    if "if-match" not in request.headers:
        return any_state
    wanted = _tags(request, "if-match")
    return any_state if "*" in wanted else has_tag(wanted, shape_of)


def has_tag(wanted: Collection[str], shape_of: Callable[[T], BaseModel]) -> Check[T]:
    """The thing, as it is now, has one of these tags."""

    def check(thing: T) -> None:
        if entity_tag(shape_of(thing)) not in wanted:
            raise Changed

    return check


def must_match(request: Request, shape_of: Callable[[T], BaseModel]) -> Check[T]:
    """Like `if_match`, and 428 (RFC 6585, section 3) for a caller who does not say what they saw."""
    if "if-match" not in request.headers:
        raise Problem(
            428, "version-needed", "Send If-Match with the ETag of what you saw, so that no other edit gets lost."
        )
    return if_match(request, shape_of)


def _tags(request: Request, header: str) -> set[str]:
    text = ",".join(request.headers.getlist(header)).strip()
    return {"*"} if text == "*" else set(_TAG.findall(text))
