"""What the API takes and gives, as JSON."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from services.main.domain.request import Item, Request, Result, State
from services.main.domain.stock import Stock
from services.main.domain.user import Role, User

# The database's bigint.
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Taken(BaseModel):
    """A body that is sent to us: exact types, no fields beyond those named."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Given(BaseModel):
    """A body that we send."""

    model_config = ConfigDict(frozen=True)


class StockShape(Given):
    id: int
    company: str
    price: Decimal = Field(examples=["312.40"])
    is_growing: bool
    description: str
    picture: str = Field(description="Path of an SVG picture", examples=["/static/pictures/northwind-shipping.svg"])

    @classmethod
    def of(cls, stock: Stock) -> "StockShape":
        return cls(
            id=stock.id,
            company=stock.company,
            price=stock.price,
            is_growing=stock.is_growing,
            description=stock.description,
            picture=f"/static/pictures/{stock.picture}",
        )


class StocksShape(Given):
    stocks: list[StockShape]


class ItemShape(Given):
    stock_id: int
    company: str
    quantity: int
    result: Result | None = Field(description="The deferred result; null until it has arrived")

    @classmethod
    def of(cls, item: Item) -> "ItemShape":
        return cls(stock_id=item.stock_id, company=item.company, quantity=item.quantity, result=item.result)


class RequestShape(Given):
    id: int
    creator: str
    state: State
    formed_at: datetime | None
    items: list[ItemShape]

    @classmethod
    def of(cls, request: Request) -> "RequestShape":
        return cls(
            id=request.id,
            creator=request.creator,
            state=request.state,
            formed_at=request.formed_at,
            items=[ItemShape.of(item) for item in request.items],
        )


class CartShape(Given):
    draft_id: int | None = Field(description="The creator's draft; null when there is none", examples=[7])


class DraftShape(Given):
    draft_id: int


class Credentials(Taken):
    # PostgreSQL's text holds no NUL.
    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00]+$")
    password: str = Field(min_length=1, max_length=200, repr=False)


class UserShape(Given):
    name: str
    role: Role

    @classmethod
    def of(cls, user: User) -> "UserShape":
        return cls(name=user.name, role=user.role)


class CallbackReport(Taken):
    """The result of one deferred job."""

    job: UUID
    request: int | None = Field(ge=1, le=2**63 - 1)
    result: Result


class CallbackAnswer(Given):
    job: UUID
    applied: bool = Field(description="False when the same result was there already")
