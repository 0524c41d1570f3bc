"""A creator's draft, until it is formed or deleted."""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID, uuid4

from services.main.domain.errors import NotFound, QuantityBound
from services.main.domain.request import STEPS, Request, RequestFilter, State, form, must_fit
from services.main.domain.user import Role, User
from services.main.use_cases.ports import Check, Unit, Work, any_state


async def add_to_draft(work: Work, user: User, stock_id: int) -> int:
    """Put one of a stock into the creator's draft, opening one if need be. The draft's id."""
    user.must_be_creator()
    async with work() as unit:
        await _must_be_offered(unit, stock_id)
        draft = await unit.requests.open_draft(user)
        if not await unit.requests.add_item(draft, stock_id):
            raise QuantityBound
        must_fit(await unit.requests.count_items(draft))
    return draft


async def cart(work: Work, user: User | None) -> int | None:
    """The id of the user's draft, or None."""
    if user is None or user.role is not Role.CREATOR:
        return None
    async with work() as unit:
        return await unit.requests.draft_of(user)


async def list_requests(work: Work, user: User, wanted: RequestFilter | None = None) -> Sequence[Request]:
    """A creator's own requests; for a moderator, all that were formed."""
    async with work() as unit:
        return await unit.requests.page(user, wanted or RequestFilter())


async def show_request(work: Work, user: User, request_id: int) -> Request:
    async with work() as unit:
        return visible(await unit.requests.find(request_id), user)


async def put_items(
    work: Work, user: User, request_id: int, quantities: Mapping[int, int], unchanged: Check[Request] = any_state
) -> Request:
    """Give a draft exactly these stocks, in these quantities."""
    must_fit(len(quantities))
    async with work() as unit:
        request = await _own_draft(unit, user, request_id, unchanged)
        held = {item.stock_id for item in request.items}
        for stock_id in quantities:
            if stock_id not in held:
                await _must_be_offered(unit, stock_id)
        await unit.requests.keep_items(request_id, list(quantities))
        await unit.requests.put_items(request_id, quantities)
        return visible(await unit.requests.find(request_id), user)


async def change_item(
    work: Work, user: User, request_id: int, *, stock_id: int, quantity: int, unchanged: Check[Request] = any_state
) -> Request:
    """Set the quantity of a stock that is in the draft."""
    async with work() as unit:
        request = await _own_draft(unit, user, request_id, unchanged, holding=stock_id)
        await unit.requests.put_items(request.id, {stock_id: quantity})
        return visible(await unit.requests.find(request_id), user)


async def remove_item(
    work: Work, user: User, request_id: int, *, stock_id: int, unchanged: Check[Request] = any_state
) -> Request:
    """Take a stock out of the draft."""
    async with work() as unit:
        request = await _own_draft(unit, user, request_id, unchanged, holding=stock_id)
        await unit.requests.keep_items(
            request.id, [item.stock_id for item in request.items if item.stock_id != stock_id]
        )
        return visible(await unit.requests.find(request_id), user)


async def delete_draft(work: Work, user: User, request_id: int, unchanged: Check[Request] = any_state) -> None:
    async with work() as unit:
        await _own_draft(unit, user, request_id, unchanged, to=State.DELETED)
        await unit.requests.mark_deleted(request_id)


async def form_request(
    work: Work,
    user: User,
    request_id: int,
    unchanged: Check[Request] = any_state,
    new_job: Callable[[], UUID] = uuid4,
) -> Request:
    """Form a draft. The new state, the jobs its items wait for and the messages that hand them over commit together."""
    async with work() as unit:
        request = visible(await unit.requests.lock(request_id), user)
        user.must_be_creator()
        handovers = form(request, new_job)
        unchanged(request)
        await unit.requests.mark_formed(handovers)
        await unit.outbox.add(handovers)
        return visible(await unit.requests.find(request_id), user)


def visible(request: Request | None, user: User) -> Request:
    """The request, if there is one that this user may know of."""
    if request is None:
        raise NotFound("request")
    request.must_be_visible_to(user)
    return request


async def _own_draft(
    unit: Unit,
    user: User,
    request_id: int,
    unchanged: Check[Request],
    *,
    to: State = State.FORMED,
    holding: int | None = None,
) -> Request:
    """The draft, locked: visible, the creator's own, a draft still, with the stock in it, and as the caller saw it."""
    request = visible(await unit.requests.lock(request_id), user)
    user.must_be_creator()
    request.must_be(STEPS[to])
    if holding is not None and all(item.stock_id != holding for item in request.items):
        raise NotFound("item")
    unchanged(request)
    return request


async def _must_be_offered(unit: Unit, stock_id: int) -> None:
    if await unit.stocks.find(stock_id) is None:
        raise NotFound("stock")
