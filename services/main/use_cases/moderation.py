"""What a moderator makes of a formed request."""

from services.main.domain.request import Request, State, close
from services.main.domain.user import User
from services.main.use_cases.drafting import visible
from services.main.use_cases.ports import Check, Work, any_state


async def close_request(
    work: Work, user: User, request_id: int, state: State, unchanged: Check[Request] = any_state
) -> Request:
    """Complete or reject a formed request."""
    async with work() as unit:
        request = visible(await unit.requests.lock(request_id), user)
        user.must_be_moderator()
        close(request, state)
        unchanged(request)
        await unit.requests.mark_closed(request_id, state, user)
        return visible(await unit.requests.find(request_id), user)
