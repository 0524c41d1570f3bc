"""A creator's requests."""

from fastapi import APIRouter

from services.main.entrypoints.guards import FromHere, PartsOfApp, SignedIn, Visitor
from services.main.entrypoints.shapes import CartShape, DraftShape, Id, RequestShape
from services.main.use_cases.drafting import add_to_draft, cart, form_request, show_request

router = APIRouter(tags=["requests"], dependencies=[FromHere])


@router.post("/stocks/{stock_id}/draft")
async def post_stock_to_draft(parts: PartsOfApp, user: SignedIn, stock_id: Id) -> DraftShape:
    """Put one of a stock into the creator's draft; the first one opens it."""
    return DraftShape(draft_id=await add_to_draft(parts.work, user, stock_id))


@router.get("/requests/cart")
async def get_cart(parts: PartsOfApp, user: Visitor) -> CartShape:
    """Whether there is a draft, and which. Says no more than that, to guests too."""
    return CartShape(draft_id=await cart(parts.work, user))


@router.get("/requests/{request_id}")
async def get_request(parts: PartsOfApp, user: SignedIn, request_id: Id) -> RequestShape:
    """A request with its items, and the results that have arrived."""
    return RequestShape.of(await show_request(parts.work, user, request_id))


@router.put("/requests/{request_id}/form", status_code=202)
async def put_form(parts: PartsOfApp, user: SignedIn, request_id: Id) -> RequestShape:
    """Form a draft. The results arrive later; look at the request until they have."""
    return RequestShape.of(await form_request(parts.work, user, request_id))
