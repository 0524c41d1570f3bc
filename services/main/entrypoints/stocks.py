"""The catalogue."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from services.main.domain.errors import InvalidField
from services.main.entrypoints.conditions import must_match, tagged, unless_known
from services.main.entrypoints.description import conditional, described, keyed, refusals
from services.main.entrypoints.guards import FromHere, PartsOfApp, SignedIn
from services.main.entrypoints.idempotency import OnceRoute
from services.main.entrypoints.paging import link_next
from services.main.entrypoints.shapes import Id, OfferBody, PicturesShape, StockQuery, StockShape, StocksShape
from services.main.use_cases.catalogue import add_stock, change_stock, delete_stock, list_stocks, show_stock
from services.main.wiring import Parts
from services.transport import read_json, request_body

router = APIRouter(tags=["stocks"], dependencies=[FromHere], route_class=OnceRoute)


@router.get("/stocks", responses=refusals(422))
async def get_stocks(
    request: Request, response: Response, parts: PartsOfApp, query: Annotated[StockQuery, Query()]
) -> StocksShape:
    """Stocks of the catalogue, by company.

    Search in company and description, filter by trend and price. A page ends with the path of the next one, which
    the Link header gives as well.
    """
    found = await list_stocks(parts.work, query.filter())
    stocks = [StockShape.of(stock) for stock in found[: query.limit]]
    last = stocks[-1].id if len(found) > query.limit else None
    return StocksShape(stocks=stocks, next=link_next(request, response, "after", last))


@router.post(
    "/stocks",
    status_code=201,
    responses=refusals(401, 403, 409),
    openapi_extra=described(request_body(OfferBody), keyed()),
)
async def post_stock(request: Request, response: Response, parts: PartsOfApp, user: SignedIn) -> StockShape:
    """Add a stock to the catalogue. For moderators."""
    user.must_be_moderator()
    offer = (await _offer(request, parts)).offer()
    shape = StockShape.of(await add_stock(parts.work, user, offer))
    response.headers["Location"] = f"/stocks/{shape.id}"
    return tagged(response, shape)


@router.get(
    "/stocks/{stock_id}",
    response_model=StockShape,
    responses=refusals(304, 404),
    openapi_extra=conditional(reading=True),
)
async def get_stock(request: Request, response: Response, parts: PartsOfApp, stock_id: Id) -> StockShape | Response:
    """One stock, with its ETag."""
    shape = StockShape.of(await show_stock(parts.work, stock_id))
    return unless_known(request, shape) or tagged(response, shape)


@router.put(
    "/stocks/{stock_id}",
    responses=refusals(401, 403, 404, 409, 412, 428),
    openapi_extra=described(request_body(OfferBody), conditional(), keyed()),
)
async def put_stock(
    request: Request, response: Response, parts: PartsOfApp, user: SignedIn, stock_id: Id
) -> StockShape:
    """Change a stock. For moderators, who send the ETag they saw as If-Match."""
    user.must_be_moderator()
    unchanged = must_match(request, StockShape.of)
    offer = (await _offer(request, parts)).offer()
    return tagged(response, StockShape.of(await change_stock(parts.work, user, stock_id, offer, unchanged)))


@router.delete(
    "/stocks/{stock_id}",
    status_code=204,
    responses=refusals(401, 403, 404, 409, 412, 428),
    openapi_extra=described(conditional(), keyed()),
)
async def delete_stock_(request: Request, parts: PartsOfApp, user: SignedIn, stock_id: Id) -> None:
    """Take a stock out of the catalogue. Requests that hold it keep it. For moderators."""
    user.must_be_moderator()
    await delete_stock(parts.work, user, stock_id, must_match(request, StockShape.of))


@router.get("/pictures")
async def get_pictures(parts: PartsOfApp) -> PicturesShape:
    """The pictures that a stock can have. They come with the service; none are uploaded."""
    return PicturesShape(pictures=sorted(parts.pictures))


async def _offer(request: Request, parts: Parts) -> OfferBody:
    body = await read_json(request, OfferBody)
    if body.picture not in parts.pictures:
        raise InvalidField("picture", f"There are {', '.join(sorted(parts.pictures))}.")
    return body
