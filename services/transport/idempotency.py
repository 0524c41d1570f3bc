"""The key of a call that may be sent again (draft-ietf-httpapi-idempotency-key-header)."""

import re

from starlette.requests import Request

from services.problem import Problem

IDEMPOTENCY_KEY = "Idempotency-Key"

# A quoted string of RFC 8941, as the draft has it, or its bare content, as most clients send it.
_KEY = re.compile(r'"([A-Za-z0-9._:+/=-]{1,128})"|([A-Za-z0-9._:+/=-]{1,128})')


def idempotency_key(request: Request) -> str:
    """The key that a call carries. Raises a 400 problem where it has none, or one that is none."""
    offered = request.headers.get(IDEMPOTENCY_KEY)
    if offered is None:
        raise Problem(
            400, "idempotency-key-missing", f"Send {IDEMPOTENCY_KEY}: a random text, the same for each repetition."
        )
    match = _KEY.fullmatch(offered.strip())
    if not match:
        raise Problem(
            400,
            "bad-idempotency-key",
            f"{IDEMPOTENCY_KEY} is a random text of at most 128 letters, digits and .-_:+/=.",
        )
    return match[1] or match[2]
