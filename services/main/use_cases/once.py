"""A call that is sent twice, because its answer was lost, does its work once."""

from collections.abc import Awaitable, Callable

from services.main.domain.answer import Answer
from services.main.domain.errors import CallInProgress, KeyReused
from services.main.domain.user import User
from services.main.use_cases.ports import Work


async def once(
    whole: Work, user: User, key: str, fingerprint: bytes, act: Callable[[], Awaitable[Answer]]
) -> tuple[Answer, bool]:
    """The answer to the first call with this key, and whether it is given again.

    `whole` is a transaction that the use cases inside of `act` join: what a call did and its answer commit together, so
    that a process which is killed leaves both or neither. A call that was refused did nothing and is not remembered.
    """
    async with whole() as unit:
        if not await unit.answers.begin(user, key):
            raise CallInProgress
        if found := await unit.answers.find(user, key):
            kept, answer = found
            if kept != fingerprint:
                raise KeyReused
            return answer, True
        answer = await act()
        await unit.answers.keep(user, key, fingerprint, answer)
    return answer, False
