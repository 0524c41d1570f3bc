"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header) on unsafe calls of users who are signed in."""

from collections.abc import Callable, Coroutine
from hashlib import sha256
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from services.main.domain.answer import Answer
from services.main.entrypoints.guards import SAFE_METHODS, parts_of, same_origin, session_token
from services.main.use_cases.once import once
from services.main.use_cases.signing_in import who_is
from services.transport import IDEMPOTENCY_KEY, idempotency_key

REPLAYED = "Idempotency-Replayed"

_KEPT_HEADERS = ("content-type", "etag", "location")


class OnceRoute(APIRoute):
    """A route whose unsafe calls may carry a key. The same call, sent again with its key, gets the first answer."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_once(request: Request) -> Response:
            if IDEMPOTENCY_KEY not in request.headers or request.method in SAFE_METHODS:
                return await handle(request)
            parts = await parts_of(request)
            await same_origin(request, parts)
            token = session_token(request)
            user = await who_is(parts.work, token) if token else None
            if user is None:
                # The route refuses guests in its own words.
                return await handle(request)

            async def act() -> Answer:
                response = await handle(request)
                kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
                return Answer(response.status_code, kept, bytes(response.body))

            answer, again = await once(parts.whole, user, idempotency_key(request), await _fingerprint(request), act)
            headers = {**answer.headers, REPLAYED: "true"} if again else answer.headers
            return Response(answer.body, answer.status, dict(headers))

        return handle_once


async def _fingerprint(request: Request) -> bytes:
    """What makes a call another one: its method, target and body. If-Match may be newer when it is sent again."""
    target = f"{request.method} {request.url.path}?{request.url.query}\n"
    return sha256(target.encode() + await request.body()).digest()
