"""Bearer tokens (RFC 6750) between our own services."""

from hashlib import sha256
from hmac import compare_digest

from starlette.requests import Request

from services.problem import Problem
from services.settings import Secret


class Bearer:
    """Accepts any of the given tokens. Two are valid while one replaces the other; empty ones never are."""

    def __init__(self, *tokens: Secret) -> None:
        self._digests = [self._digest(token.reveal()) for token in tokens if token]
        if not self._digests:
            raise ValueError("at least one token is needed")

    def check(self, request: Request) -> None:
        """Raise a 401 problem unless the request carries a valid token."""
        if not self.accepts(request.headers.get("authorization", "")):
            raise Problem(401, "token-refused", headers={"WWW-Authenticate": "Bearer"})

    def accepts(self, header: str) -> bool:
        """Whether an Authorization header carries a valid token. Takes the same time for every wrong one."""
        scheme, _, token = header.partition(" ")
        offered = self._digest(token)
        # No short cut: which of the tokens matched, and how much of one, must not show in the time taken.
        matches = [compare_digest(offered, digest) for digest in self._digests]
        return scheme.lower() == "bearer" and any(matches)

    @staticmethod
    def _digest(token: str) -> bytes:
        return sha256(token.encode()).digest()
