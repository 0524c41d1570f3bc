"""The catalogue."""

from fastapi import APIRouter

from services.main.entrypoints.guards import PartsOfApp
from services.main.entrypoints.shapes import Id, StockShape, StocksShape
from services.main.use_cases.catalogue import list_stocks, show_stock

router = APIRouter(tags=["stocks"])


@router.get("/stocks")
async def get_stocks(parts: PartsOfApp) -> StocksShape:
    """All stocks of the catalogue, by company."""
    return StocksShape(stocks=[StockShape.of(stock) for stock in await list_stocks(parts.work)])


@router.get("/stocks/{stock_id}")
async def get_stock(parts: PartsOfApp, stock_id: Id) -> StockShape:
    """One stock."""
    return StockShape.of(await show_stock(parts.work, stock_id))
