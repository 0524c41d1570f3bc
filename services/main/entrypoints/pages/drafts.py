"""A creator's draft: filled from the cards, edited, formed or deleted."""

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from services.main.domain.errors import NotFound, WrongState
from services.main.domain.request import State
from services.main.entrypoints.conditions import has_tag
from services.main.entrypoints.guards import SignedIn
from services.main.entrypoints.pages.fields import Filled, read_fields
from services.main.entrypoints.pages.frame import Asked, Frame, local, page, see, to_login
from services.main.entrypoints.pages.refusals import REFUSED, status_of
from services.main.entrypoints.pages.requests import show, tag_of
from services.main.entrypoints.pages.wording import refusal
from services.main.entrypoints.shapes import Id, QuantityBody, RequestShape
from services.main.use_cases.drafting import (
    add_to_draft,
    delete_draft,
    form_request,
    put_items,
    remove_item,
    show_request,
)
from services.transport import read_form

router = APIRouter()

# Before the id of a stock, in the names of fields.
_QUANTITY = "quantity-"


@router.post("/pages/stocks/{stock_id}/draft")
async def add(frame: Asked, stock_id: Id) -> Response:
    """Put one of a stock into the draft, and go back to its card. A guest signs in first."""
    back = f"{local((await read_form(frame.request)).get('back'))}#stock-{stock_id}"
    if frame.user is None:
        return to_login(back)
    await add_to_draft(frame.parts.work, frame.user, stock_id)
    return see(back, "added")


@router.post("/pages/requests/{request_id}/items")
async def save_items(frame: Asked, user: SignedIn, request_id: Id) -> Response:
    return await _edited(frame, user, request_id, forming=False)


@router.post("/pages/requests/{request_id}/form")
async def form(frame: Asked, user: SignedIn, request_id: Id) -> Response:
    """Form the draft with the quantities as they stand in the fields: both are done, or neither."""
    return await _edited(frame, user, request_id, forming=True)


@router.post("/pages/requests/{request_id}/items/{stock_id}/remove")
async def remove(frame: Asked, user: SignedIn, request_id: Id, stock_id: Id) -> Response:
    sent = await read_form(frame.request)
    unchanged = has_tag([sent.get("tag", "")], RequestShape.of)
    try:
        await remove_item(frame.parts.work, user, request_id, stock_id=stock_id, unchanged=unchanged)
    except REFUSED as error:
        return await _refused(frame, user, request_id, error)
    return see(f"/pages/requests/{request_id}", "removed")


@router.get("/pages/requests/{request_id}/delete")
async def delete_page(frame: Asked, user: SignedIn, request_id: Id) -> Response:
    request = await show_request(frame.parts.work, user, request_id)
    user.must_be_creator()
    if request.state is not State.DRAFT:
        raise WrongState(request.state, State.DRAFT)
    return await page(frame, "draft_delete.html", request=request, tag=tag_of(request))


@router.post("/pages/requests/{request_id}/delete")
async def delete(frame: Asked, user: SignedIn, request_id: Id) -> Response:
    sent = await read_form(frame.request)
    try:
        await delete_draft(frame.parts.work, user, request_id, has_tag([sent.get("tag", "")], RequestShape.of))
    except REFUSED as error:
        return await _refused(frame, user, request_id, error)
    return see("/", "draft-deleted")


async def _edited(frame: Frame, user: SignedIn, request_id: int, *, forming: bool) -> Response:
    sent = await read_form(frame.request)
    typed = {name: value.strip() for name, value in sent.items() if name.startswith(_QUANTITY)}
    quantities, faults = _quantities(typed)
    form = Filled(typed, faults)
    if faults:
        request = await show_request(frame.parts.work, user, request_id)
        return await show(frame, user, request, 422, form=form)
    unchanged = has_tag([sent.get("tag", "")], RequestShape.of)
    try:
        async with frame.parts.whole():
            if quantities or not forming:
                await put_items(frame.parts.work, user, request_id, quantities, unchanged)
            if forming:
                await form_request(frame.parts.work, user, request_id)
    except REFUSED as error:
        return await _refused(frame, user, request_id, error, form)
    return see(f"/pages/requests/{request_id}", "formed" if forming else "saved")


def _quantities(typed: Mapping[str, str]) -> tuple[dict[int, int], dict[str, str]]:
    """How much of which stock, and the fields that say it wrongly."""
    quantities: dict[int, int] = {}
    faults: dict[str, str] = {}
    for name, value in typed.items():
        number = name.removeprefix(_QUANTITY)
        body, wrong = read_fields(QuantityBody, {"quantity": value})
        if body is None:
            faults[name] = wrong["quantity"]
        elif number.isascii() and number.isdigit() and len(number) < 19:
            quantities[int(number)] = body.quantity
    return quantities, faults


async def _refused(
    frame: Frame, user: SignedIn, request_id: int, error: Exception, form: Filled | None = None
) -> Response:
    """The request as it is now, and why it could not be changed. What was typed stays where it still applies."""
    request = await show_request(frame.parts.work, user, request_id)
    if isinstance(error, NotFound):
        # The request is there, so it was the item: it is out of the draft already.
        return see(f"/pages/requests/{request_id}")
    status = status_of(error)
    return await show(frame, user, request, status, alert=refusal(frame.language, error, status), form=form)
