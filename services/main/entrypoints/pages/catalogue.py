"""The catalogue: cards for guests and creators, a table for moderators, who edit it."""

from collections.abc import Mapping

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.main.domain.errors import Changed, CompanyTaken
from services.main.domain.stock import Stock
from services.main.domain.user import Role
from services.main.entrypoints.conditions import entity_tag, has_tag
from services.main.entrypoints.guards import SignedIn
from services.main.entrypoints.pages.fields import Filled, decimal_text, read_fields
from services.main.entrypoints.pages.frame import Asked, Frame, page, see
from services.main.entrypoints.pages.listing import list_page, read_query
from services.main.entrypoints.pages.refusals import REFUSED, status_of
from services.main.entrypoints.pages.wording import RULES, refusal
from services.main.entrypoints.shapes import Id, OfferBody, StockQuery, StockShape
from services.main.use_cases.catalogue import add_stock, change_stock, delete_stock, list_stocks, show_stock
from services.transport import read_form

router = APIRouter()

_ON_A_PAGE = 24


async def _moderator(user: SignedIn) -> None:
    user.must_be_moderator()


_FOR_MODERATORS = [Depends(_moderator)]


@router.get("/")
async def stocks_page(frame: Asked) -> Response:
    query, form = read_query(frame, StockQuery, _ON_A_PAGE)
    found = await list_stocks(frame.parts.work, query.filter()) if query else []
    listed = list_page(frame, found, _ON_A_PAGE, cursor="after", last=lambda stock: stock.id)
    template = "stock_table.html" if frame.role is Role.MODERATOR else "stocks.html"
    return await page(frame, template, 200 if query else 422, listed=listed, form=form)


@router.get("/pages/stocks/new", dependencies=_FOR_MODERATORS)
async def new_stock_page(frame: Asked) -> Response:
    return await _edit(frame, Filled({"is_growing": True}))


@router.post("/pages/stocks/new", dependencies=_FOR_MODERATORS)
async def new_stock(frame: Asked, user: SignedIn) -> Response:
    offer, form, _ = await _sent(frame)
    if offer is None:
        return await _edit(frame, form, status=422)
    try:
        await add_stock(frame.parts.work, user, offer.offer())
    except CompanyTaken as error:
        return await _edit(frame, _taken(frame, form, error), status=409)
    return see("/", "stock-added")


@router.get("/pages/stocks/{stock_id}/edit", dependencies=_FOR_MODERATORS)
async def edit_stock_page(frame: Asked, stock_id: Id) -> Response:
    stock = await show_stock(frame.parts.work, stock_id)
    return await _edit(frame, Filled(_values(frame, stock)), stock=stock)


@router.post("/pages/stocks/{stock_id}/edit", dependencies=_FOR_MODERATORS)
async def edit_stock(frame: Asked, user: SignedIn, stock_id: Id) -> Response:
    """Change a stock that is still as the form showed it. Else show both, and let the moderator decide again."""
    offer, form, tag = await _sent(frame)
    if offer is None:
        return await _edit(frame, form, stock=await show_stock(frame.parts.work, stock_id), tag=tag, status=422)
    try:
        await change_stock(frame.parts.work, user, stock_id, offer.offer(), has_tag([tag], StockShape.of))
    except CompanyTaken as error:
        stock = await show_stock(frame.parts.work, stock_id)
        return await _edit(frame, _taken(frame, form, error), stock=stock, tag=tag, status=409)
    except Changed:
        stock = await show_stock(frame.parts.work, stock_id)
        return await _edit(frame, form, stock=stock, theirs=_values(frame, stock), status=412)
    return see("/", "saved")


@router.get("/pages/stocks/{stock_id}/delete", dependencies=_FOR_MODERATORS)
async def delete_stock_page(frame: Asked, stock_id: Id) -> Response:
    return await _confirm(frame, await show_stock(frame.parts.work, stock_id))


@router.post("/pages/stocks/{stock_id}/delete", dependencies=_FOR_MODERATORS)
async def delete_stock_confirmed(frame: Asked, user: SignedIn, stock_id: Id) -> Response:
    sent = await read_form(frame.request)
    try:
        await delete_stock(frame.parts.work, user, stock_id, has_tag([sent.get("tag", "")], StockShape.of))
    except REFUSED as error:
        status = status_of(error)
        stock = await show_stock(frame.parts.work, stock_id)
        return await _confirm(frame, stock, status, alert=refusal(frame.language, error, status))
    return see("/", "stock-deleted")


async def _sent(frame: Frame) -> tuple[OfferBody | None, Filled, str]:
    """The offer, if the fields keep their rules; the form as it was filled in; and the tag of what was seen."""
    sent = await read_form(frame.request)
    tag = sent.pop("tag", "")
    values: dict[str, object] = {**sent, "is_growing": sent.get("is_growing") == "true"}
    offer, faults = read_fields(OfferBody, values | {"price": decimal_text(sent.get("price", ""))})
    if offer is not None and offer.picture not in frame.parts.pictures:
        offer, faults = None, {"picture": RULES["picture"]}
    return offer, Filled(values, faults), tag


def _values(frame: Frame, stock: Stock) -> Mapping[str, object]:
    return {
        "company": stock.company,
        "price": frame.language.amount(stock.price),
        "is_growing": stock.is_growing,
        "description": stock.description,
        "picture": stock.picture,
    }


def _taken(frame: Frame, form: Filled, error: CompanyTaken) -> Filled:
    return Filled(form.values, {"company": refusal(frame.language, error, 409)})


async def _edit(
    frame: Frame,
    form: Filled,
    *,
    stock: Stock | None = None,
    tag: str | None = None,
    theirs: Mapping[str, object] | None = None,
    status: int = 200,
) -> Response:
    """The form. stock: None for a new one. tag: of what the moderator saw. theirs: what another wrote meanwhile."""
    if stock is not None and tag is None:
        tag = entity_tag(StockShape.of(stock))
    pictures = sorted(frame.parts.pictures)
    return await page(
        frame, "stock_form.html", status, form=form, stock=stock, tag=tag, theirs=theirs, pictures=pictures
    )


async def _confirm(frame: Frame, stock: Stock, status: int = 200, alert: str = "") -> Response:
    tag = entity_tag(StockShape.of(stock))
    return await page(frame, "stock_delete.html", status, stock=stock, tag=tag, alert=alert)
