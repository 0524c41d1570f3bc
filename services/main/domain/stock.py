"""What the catalogue offers."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Stock:
    """price: in the catalogue's currency, two decimals. picture: a file name below the static pictures."""

    id: int
    company: str
    price: Decimal
    is_growing: bool
    description: str
    picture: str
