"""What the OpenAPI document says beyond the routes' own types: refusals, conditions, keys, bodies."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.problem.problem import MEDIA_TYPE

Part = dict[str, Any]

# What any call can meet, whatever it asks for.
ANYWHERE = (400, 429, 500, 503)
WITH_BODY = (408, 413, 415, 422)

_PROBLEM: Part = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {
            "type": "string",
            "description": "The rule that was broken, or about:blank where the status says all",
            "examples": ["urn:sallyport:problem:wrong-state"],
        },
        "title": {"type": "string", "examples": ["Wrong state"]},
        "status": {"type": "integer", "examples": [409]},
        "detail": {"type": "string", "examples": ["The request is formed; it would have to be draft."]},
        "request_id": {"type": "string", "description": "Under this id the logs tell the rest"},
        "errors": {
            "type": "array",
            "description": "Which fields are wrong, and why",
            "items": {
                "type": "object",
                "required": ["at", "message"],
                "properties": {"at": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}

_SAYS = {
    304: "The caller has this representation already.",
    400: "The call cannot be read.",
    401: "Not signed in, or the sign-in was refused.",
    403: "Not from this site, or not for this role.",
    404: "There is no such thing, or none that the caller may know of.",
    408: "The body came too slowly.",
    409: "The thing is in another state than the call needs.",
    410: "The feed cannot be continued from this cursor.",
    412: "The thing was changed since the caller saw it.",
    413: "The body is too large.",
    415: "The body is not declared as application/json.",
    422: "A field is wrong.",
    428: "If-Match is missing.",
    429: "Too many calls, or too many attempts to sign in; Retry-After says how long to wait.",
    500: "An error of ours; it is in the log.",
    503: "The database is away; Retry-After says when to come again.",
}


def refusals(*statuses: int) -> dict[int | str, Part]:
    """The `responses` of a route that answers with these too."""
    return {status: _refusal(status) for status in statuses}


def _refusal(status: int) -> Part:
    told: Part = {"description": _SAYS[status]}
    if status >= HTTPStatus.BAD_REQUEST:
        told["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return told


def keyed() -> Part:
    """The route takes an Idempotency-Key."""
    return _header(
        "Idempotency-Key",
        "A random key of this call. Sent again with it within a day, the call is answered as the first time.",
        "8e03978e-40d5-43e8-bc93-6894a57f9324",
        pattern=r"^[A-Za-z0-9._:+/=-]{1,128}$",
    )


def conditional(*, reading: bool = False) -> Part:
    """The route takes an entity tag."""
    if reading:
        return _header("If-None-Match", "The ETag of what is known already", '"5d41402abc4b2a76b9719d911017c592"')
    return _header("If-Match", "The ETag of what was seen", '"5d41402abc4b2a76b9719d911017c592"')


def _header(name: str, description: str, example: str, **schema: str) -> Part:
    return {
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": False,
                "description": description,
                "schema": {"type": "string", **schema},
                "example": example,
            }
        ]
    }


def described(*parts: Part) -> Part:
    """The parts as one `openapi_extra`."""
    joined: Part = {}
    for part in parts:
        for key, value in part.items():
            joined[key] = [*joined.get(key, []), *value] if isinstance(value, list) else value
    return joined


def install(app: FastAPI) -> None:
    """Let `app` describe itself, whole."""

    def openapi() -> Part:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(
                get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            )
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _completed(document: Part) -> Part:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    for item in document["paths"].values():
        for method, operation in item.items():
            general = [*ANYWHERE]
            if "parameters" in operation:
                general.append(422)
            if method != "get":
                general.append(403)
            if "requestBody" in operation:
                general += WITH_BODY
                media = operation["requestBody"]["content"]["application/json"]
                # Models inside of a model: their references point into the whole document.
                schemas |= media["schema"].pop("$defs", {})
            for status in general:
                # Also in place of FastAPI's own 422, which has another form.
                operation["responses"][str(status)] = _refusal(status)
            operation["responses"] = dict(sorted(operation["responses"].items()))
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document
