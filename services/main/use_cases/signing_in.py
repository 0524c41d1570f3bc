"""Accounts and sessions."""

import secrets
from collections.abc import Sequence
from uuid import UUID

from services.main.domain.allowance import (
    REGISTRATION,
    SIGN_IN_BY_ACCOUNT,
    SIGN_IN_BY_ADDRESS,
    Allowance,
    account,
    network,
)
from services.main.domain.errors import NameTaken, NotFound, SignInRefused, TooManyAttempts
from services.main.domain.user import Session, User, check_password
from services.main.use_cases.ports import Passwords, Work


async def register(
    work: Work, passwords: Passwords, name: str, email: str | None, password: str, *, address: str
) -> User:
    """A new creator. That they registered is told with them, or neither is; without an e-mail they get no mail."""
    check_password(name, email, password)
    await _spend(work, {f"register {network(address)}": REGISTRATION})
    # Hashing is slow on purpose: no connection is held meanwhile.
    password_hash = await passwords.hashed(password)
    async with work() as unit:
        user = await unit.users.add(name, email, password_hash)
        if user is None:
            raise NameTaken
        await unit.events.tell_of_registration(user, email)
    return user


async def sign_in(
    work: Work, passwords: Passwords, name: str, password: str, *, address: str, agent: str
) -> tuple[User, str]:
    """The user, and the token of a new session.

    An attempt is counted before the password is looked at, so that many at once do not slip through, and given back
    when it was right. An unknown name is counted like a known one.
    """
    # Who is looked for is who is counted: the database's lower() folds some letters otherwise.
    name = name.casefold()
    allowances = {account(name): SIGN_IN_BY_ACCOUNT, f"sign-in from {network(address)}": SIGN_IN_BY_ADDRESS}
    await _spend(work, allowances)
    async with work() as unit:
        found = await unit.users.find(name)
    if not await passwords.matches(found[1] if found else None, password) or found is None:
        raise SignInRefused
    token = secrets.token_urlsafe(32)
    async with work() as unit:
        for subject, allowance in allowances.items():
            await unit.allowances.give_back(subject, allowance)
        await unit.users.open_session(found[0], token, address, agent)
    return found[0], token


async def sign_out(work: Work, token: str) -> None:
    async with work() as unit:
        await unit.users.close_session(token)


async def who_is(work: Work, token: str) -> User | None:
    async with work() as unit:
        return await unit.users.of_session(token)


async def list_sessions(work: Work, user: User, token: str) -> Sequence[Session]:
    async with work() as unit:
        return await unit.users.sessions(user, token)


async def end_session(work: Work, user: User, session_id: UUID) -> None:
    async with work() as unit:
        if not await unit.users.end_session(user, session_id):
            raise NotFound("session")


async def sign_out_everywhere(work: Work, user: User) -> None:
    async with work() as unit:
        await unit.users.end_sessions(user)


async def _spend(work: Work, allowances: dict[str, Allowance]) -> None:
    """Take one of each, for good: what is spent stays spent when the deed fails."""
    async with work() as unit:
        waits = [await unit.allowances.spend(subject, allowance) for subject, allowance in allowances.items()]
        await unit.allowances.forget()
    if longest := max((wait for wait in waits if wait is not None), default=0.0):
        raise TooManyAttempts(longest)
