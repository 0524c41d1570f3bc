"""Looking at stocks; and, for moderators, editing them."""

from collections.abc import Sequence

from services.main.domain.errors import NotFound
from services.main.domain.stock import Offer, Stock, StockFilter
from services.main.domain.user import User
from services.main.use_cases.ports import Check, Unit, Work, any_state


async def list_stocks(work: Work, wanted: StockFilter | None = None) -> Sequence[Stock]:
    async with work() as unit:
        return await unit.stocks.page(wanted or StockFilter())


async def show_stock(work: Work, stock_id: int) -> Stock:
    async with work() as unit:
        return _there(await unit.stocks.find(stock_id))


async def add_stock(work: Work, user: User, offer: Offer) -> Stock:
    user.must_be_moderator()
    async with work() as unit:
        return await unit.stocks.add(offer)


async def change_stock(
    work: Work, user: User, stock_id: int, offer: Offer, unchanged: Check[Stock] = any_state
) -> Stock:
    user.must_be_moderator()
    async with work() as unit:
        await _seen(unit, stock_id, unchanged)
        return await unit.stocks.change(stock_id, offer)


async def delete_stock(work: Work, user: User, stock_id: int, unchanged: Check[Stock] = any_state) -> None:
    """Take a stock out of the catalogue. Requests that hold it keep it."""
    user.must_be_moderator()
    async with work() as unit:
        await _seen(unit, stock_id, unchanged)
        await unit.stocks.delete(stock_id)


async def _seen(unit: Unit, stock_id: int, unchanged: Check[Stock]) -> None:
    unchanged(_there(await unit.stocks.lock(stock_id)))


def _there(stock: Stock | None) -> Stock:
    if stock is None:
        raise NotFound("stock")
    return stock
