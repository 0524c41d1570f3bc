"""A creator's draft, until it is formed."""

from collections.abc import Callable
from uuid import UUID, uuid4

from services.main.domain.errors import NotFound, QuantityBound
from services.main.domain.request import Request, form
from services.main.domain.user import Role, User
from services.main.use_cases.ports import Work


async def add_to_draft(work: Work, user: User, stock_id: int) -> int:
    """Put one of a stock into the creator's draft, opening one if need be. The draft's id."""
    user.must_be_creator()
    async with work() as unit:
        if await unit.stocks.find(stock_id) is None:
            raise NotFound("stock")
        draft = await unit.requests.open_draft(user)
        if not await unit.requests.add_item(draft, stock_id):
            raise QuantityBound
    return draft


async def cart(work: Work, user: User | None) -> int | None:
    """The id of the user's draft, or None."""
    if user is None or user.role is not Role.CREATOR:
        return None
    async with work() as unit:
        return await unit.requests.draft_of(user)


async def show_request(work: Work, user: User, request_id: int) -> Request:
    async with work() as unit:
        request = await unit.requests.find(request_id)
    if request is None:
        raise NotFound("request")
    request.must_be_visible_to(user)
    return request


async def form_request(work: Work, user: User, request_id: int, new_job: Callable[[], UUID] = uuid4) -> Request:
    """Form a draft. The new state, the jobs its items wait for and the messages that hand them over commit together."""
    async with work() as unit:
        request = await unit.requests.lock(request_id)
        if request is None:
            raise NotFound("request")
        request.must_be_visible_to(user)
        user.must_be_creator()
        handovers = form(request, new_job)
        await unit.requests.mark_formed(handovers)
        await unit.outbox.add(handovers)
    return await show_request(work, user, request_id)
