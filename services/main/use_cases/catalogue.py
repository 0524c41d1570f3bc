"""Looking at stocks."""

from collections.abc import Sequence

from services.main.domain.errors import NotFound
from services.main.domain.stock import Stock
from services.main.use_cases.ports import Work


async def list_stocks(work: Work) -> Sequence[Stock]:
    async with work() as unit:
        return await unit.stocks.all()


async def show_stock(work: Work, stock_id: int) -> Stock:
    async with work() as unit:
        stock = await unit.stocks.find(stock_id)
    if stock is None:
        raise NotFound("stock")
    return stock
