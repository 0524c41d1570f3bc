"""What the catalogue offers."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Offer:
    """What a moderator says of a stock.

    price: in the catalogue's currency, two decimals. picture: a file name below the static pictures.
    """

    company: str
    price: Decimal
    is_growing: bool
    description: str
    picture: str


@dataclass(frozen=True, slots=True)
class Stock:
    """An offer in the catalogue. version: counts its changes, from 1; the database alone writes it."""

    id: int
    company: str
    price: Decimal
    is_growing: bool
    description: str
    picture: str
    version: int


@dataclass(frozen=True, slots=True)
class StockFilter:
    """Which stocks of the catalogue, by company. None asks for nothing.

    text: part of the company's name or of the description, in any case. least, most: bounds of the price, included.
    after: the id of the last stock of the page before. limit: the length of a page.
    """

    text: str | None = None
    is_growing: bool | None = None
    least: Decimal | None = None
    most: Decimal | None = None
    after: int | None = None
    limit: int = 50
