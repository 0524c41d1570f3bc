"""Requests: a creator's draft, what becomes of it, and the moderator's decision."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from services.main.domain.errors import InvalidField
from services.main.domain.request import State
from services.main.entrypoints.conditions import if_match, must_match, tagged, unless_known
from services.main.entrypoints.description import conditional, described, keyed, refusals
from services.main.entrypoints.guards import FromHere, PartsOfApp, SignedIn, Visitor
from services.main.entrypoints.idempotency import OnceRoute
from services.main.entrypoints.paging import link_next
from services.main.entrypoints.shapes import (
    CartShape,
    DraftShape,
    Id,
    ItemsBody,
    QuantityBody,
    RequestQuery,
    RequestShape,
    RequestsShape,
)
from services.main.use_cases.drafting import (
    add_to_draft,
    cart,
    change_item,
    delete_draft,
    form_request,
    list_requests,
    put_items,
    remove_item,
    show_request,
)
from services.main.use_cases.moderation import close_request
from services.main.use_cases.timeline import note_seen
from services.transport import read_json, request_body

router = APIRouter(tags=["requests"], dependencies=[FromHere], route_class=OnceRoute)


@router.post("/stocks/{stock_id}/draft", responses=refusals(401, 403, 404, 409), openapi_extra=keyed())
async def post_stock_to_draft(parts: PartsOfApp, user: SignedIn, stock_id: Id) -> DraftShape:
    """Put one of a stock into the creator's draft; the first one opens it."""
    return DraftShape(draft_id=await add_to_draft(parts.work, user, stock_id))


@router.get("/requests/cart")
async def get_cart(parts: PartsOfApp, user: Visitor) -> CartShape:
    """Whether there is a draft, and which. Says no more than that, to guests too."""
    return CartShape(draft_id=await cart(parts.work, user))


@router.get("/requests", responses=refusals(401, 422))
async def get_requests(
    request: Request, response: Response, parts: PartsOfApp, user: SignedIn, query: Annotated[RequestQuery, Query()]
) -> RequestsShape:
    """Requests, newest first: a creator's own; for a moderator, all that were formed. Deleted ones are gone."""
    found = await list_requests(parts.work, user, query.filter())
    requests = [RequestShape.of(each) for each in found[: query.limit]]
    last = requests[-1].id if len(found) > query.limit else None
    return RequestsShape(requests=requests, next=link_next(request, response, "before", last))


@router.get(
    "/requests/{request_id}",
    response_model=RequestShape,
    responses=refusals(304, 401, 404),
    openapi_extra=conditional(reading=True),
)
async def get_request(
    request: Request, response: Response, parts: PartsOfApp, user: SignedIn, request_id: Id
) -> RequestShape | Response:
    """A request with its items, and the results that have arrived; with its ETag."""
    found = await show_request(parts.work, user, request_id)
    await note_seen(parts.work, user, found)
    shape = RequestShape.of(found)
    return unless_known(request, shape) or tagged(response, shape)


@router.put(
    "/requests/{request_id}",
    responses=refusals(401, 403, 404, 409, 412, 428),
    openapi_extra=described(request_body(ItemsBody), conditional(), keyed()),
)
async def put_request(
    request: Request, response: Response, parts: PartsOfApp, user: SignedIn, request_id: Id
) -> RequestShape:
    """Give a draft exactly these items. For its creator, who sends the ETag they saw as If-Match."""
    unchanged = must_match(request, RequestShape.of)
    body = await read_json(request, ItemsBody)
    quantities = {item.stock_id: item.quantity for item in body.items}
    if len(quantities) < len(body.items):
        raise InvalidField("items", "Each stock stands in a request once.")
    return tagged(response, RequestShape.of(await put_items(parts.work, user, request_id, quantities, unchanged)))


@router.delete(
    "/requests/{request_id}",
    status_code=204,
    responses=refusals(401, 403, 404, 409, 412, 428),
    openapi_extra=described(conditional(), keyed()),
)
async def delete_request(request: Request, parts: PartsOfApp, user: SignedIn, request_id: Id) -> None:
    """Delete a draft. For its creator."""
    await delete_draft(parts.work, user, request_id, must_match(request, RequestShape.of))


@router.put(
    "/requests/{request_id}/items/{stock_id}",
    responses=refusals(401, 403, 404, 409, 412, 428),
    openapi_extra=described(request_body(QuantityBody), conditional(), keyed()),
)
async def put_item(
    request: Request, response: Response, parts: PartsOfApp, user: SignedIn, *, request_id: Id, stock_id: Id
) -> RequestShape:
    """Set the quantity of a stock in the draft."""
    unchanged = must_match(request, RequestShape.of)
    quantity = (await read_json(request, QuantityBody)).quantity
    changed = await change_item(parts.work, user, request_id, stock_id=stock_id, quantity=quantity, unchanged=unchanged)
    return tagged(response, RequestShape.of(changed))


@router.delete(
    "/requests/{request_id}/items/{stock_id}",
    responses=refusals(401, 403, 404, 409, 412, 428),
    openapi_extra=described(conditional(), keyed()),
)
async def delete_item(
    request: Request, response: Response, parts: PartsOfApp, user: SignedIn, *, request_id: Id, stock_id: Id
) -> RequestShape:
    """Take a stock out of the draft. The answer is the draft as it is then."""
    unchanged = must_match(request, RequestShape.of)
    return tagged(
        response,
        RequestShape.of(await remove_item(parts.work, user, request_id, stock_id=stock_id, unchanged=unchanged)),
    )


@router.put(
    "/requests/{request_id}/form",
    status_code=202,
    responses=refusals(401, 403, 404, 409, 412),
    openapi_extra=described(conditional(), keyed()),
)
async def put_form(
    request: Request, response: Response, parts: PartsOfApp, user: SignedIn, request_id: Id
) -> RequestShape:
    """Form a draft. The results arrive later; look at the request until they have."""
    formed = await form_request(parts.work, user, request_id, if_match(request, RequestShape.of))
    return tagged(response, RequestShape.of(formed))


@router.put(
    "/requests/{request_id}/complete",
    responses=refusals(401, 403, 404, 409, 412),
    openapi_extra=described(conditional(), keyed()),
)
async def put_complete(
    request: Request, response: Response, parts: PartsOfApp, user: SignedIn, request_id: Id
) -> RequestShape:
    """Complete a formed request that has all its results. For moderators."""
    unchanged = if_match(request, RequestShape.of)
    closed = await close_request(parts.work, user, request_id, State.COMPLETED, unchanged)
    return tagged(response, RequestShape.of(closed))


@router.put(
    "/requests/{request_id}/reject",
    responses=refusals(401, 403, 404, 409, 412),
    openapi_extra=described(conditional(), keyed()),
)
async def put_reject(
    request: Request, response: Response, parts: PartsOfApp, user: SignedIn, request_id: Id
) -> RequestShape:
    """Reject a formed request, whether its results have arrived or not. For moderators."""
    unchanged = if_match(request, RequestShape.of)
    closed = await close_request(parts.work, user, request_id, State.REJECTED, unchanged)
    return tagged(response, RequestShape.of(closed))
