"""Sessions."""

import secrets

from services.main.domain.errors import SignInRefused
from services.main.domain.user import User
from services.main.use_cases.ports import Passwords, Work


async def sign_in(work: Work, passwords: Passwords, name: str, password: str) -> tuple[User, str]:
    """The user, and the token of a new session."""
    async with work() as unit:
        found = await unit.users.find(name)
    # Hashing is slow on purpose: no connection is held meanwhile.
    if not await passwords.matches(found[1] if found else None, password) or found is None:
        raise SignInRefused
    token = secrets.token_urlsafe(32)
    async with work() as unit:
        await unit.users.open_session(found[0], token)
    return found[0], token


async def sign_out(work: Work, token: str) -> None:
    async with work() as unit:
        await unit.users.close_session(token)


async def who_is(work: Work, token: str) -> User | None:
    async with work() as unit:
        return await unit.users.of_session(token)
