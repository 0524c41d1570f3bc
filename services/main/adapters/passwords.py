"""Passwords, hashed with argon2id (RFC 9106, low-memory profile)."""

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# A hash takes 64 MiB and all of a core: more than this many at once would help nobody.
AT_ONCE = 2


class Argon2Passwords:
    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self._limiter: CapacityLimiter | None = None
        self._nobody = ""

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def hashed(self, password: str) -> str:
        return await to_thread.run_sync(self.hash, password, limiter=self._few())

    async def matches(self, password_hash: str | None, password: str) -> bool:
        return await to_thread.run_sync(self._matches, password_hash, password, limiter=self._few())

    def _few(self) -> CapacityLimiter:
        if self._limiter is None:
            self._limiter = CapacityLimiter(AT_ONCE)
        return self._limiter

    def _matches(self, password_hash: str | None, password: str) -> bool:
        if password_hash is not None:
            return self.verify(password_hash, password)
        # A user who does not exist costs the same time, or the time would tell that there is none.
        self._nobody = self._nobody or self.hash("nobody")
        self.verify(self._nobody, password)
        return False
