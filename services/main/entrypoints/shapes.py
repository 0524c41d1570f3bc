"""What the API takes and gives, as JSON."""

from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Literal
from unicodedata import normalize
from uuid import UUID

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, EmailStr, Field
from pydantic_core import PydanticCustomError

from services.main.domain.request import MOST_ITEMS, MOST_OF_ONE, Item, Request, RequestFilter, Result, State
from services.main.domain.stock import Offer, Stock, StockFilter
from services.main.domain.user import SHORTEST_PASSWORD, Role, Session, User
from services.main.entrypoints.paging import Cursor, Page

# The database's bigint.
Id = Annotated[int, Path(ge=1, le=2**63 - 1, description="Its `id`, as a list or the draft tells it", examples=[1])]

# Letters of one alphabet, so that no name looks like another one's in a second alphabet.
NAME = r"^([A-Za-z0-9][A-Za-z0-9._-]{1,30}[A-Za-z0-9]|[А-Яа-яЁё0-9][А-Яа-яЁё0-9._-]{1,30}[А-Яа-яЁё0-9])$"
# What shows nothing, or turns the direction of reading: with it two names could look the same, or one like none.
_UNSEEN = r"\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
_BLANK = r"\x20\xa0\u1680\u2000-\u200a\u200c\u200d\u202f\u205f\u3000"
# One line: nothing unseen, no blanks at the ends.
LINE = rf"^[^{_UNSEEN}{_BLANK}]([^{_UNSEEN}]*[^{_UNSEEN}{_BLANK}])?$"
# No control characters but line breaks and tabs. PostgreSQL's text holds no NUL in any case.
PROSE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
# A letter and its accent are one character, however they were typed (Unicode Standard Annex 15, form C).
Composed = AfterValidator(partial(normalize, "NFC"))
PRICE_MOST = Decimal("9999999999.99")
# Of a search by price. Two decimals as prices have: of far smaller numbers PostgreSQL cannot read all.
Bound = Annotated[Decimal, Field(ge=0, le=PRICE_MOST, decimal_places=2)]


class Taken(BaseModel):
    """A body that is sent to us: exact types, no fields beyond those named."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Given(BaseModel):
    """A body that we send."""

    model_config = ConfigDict(frozen=True)


class StockShape(Given):
    id: int = Field(examples=[1])
    company: str = Field(examples=["Northwind Shipping"])
    price: Decimal = Field(examples=["312.40"])
    is_growing: bool
    description: str = Field(examples=["Container lines between the Baltic and the Barents Sea."])
    picture: str = Field(description="Path of an SVG picture", examples=["/static/pictures/northwind-shipping.svg"])
    version: int = Field(description="Counts the changes of this stock, from 1", examples=[1])

    @classmethod
    def of(cls, stock: Stock) -> "StockShape":
        return cls(
            id=stock.id,
            company=stock.company,
            price=stock.price,
            is_growing=stock.is_growing,
            description=stock.description,
            picture=f"/static/pictures/{stock.picture}",
            version=stock.version,
        )


class StocksShape(Given):
    stocks: list[StockShape]
    next: str | None = Field(description="Path of the next page; null on the last one", examples=["/stocks?after=4"])


class StockQuery(Page):
    q: Annotated[str, Composed] | None = Field(
        default=None, max_length=100, pattern=PROSE, description="Part of company or description", examples=["grain"]
    )
    is_growing: Literal["true", "false"] | None = Field(
        default=None, description="Whether it grows; without it, both", examples=["true"]
    )
    min_price: Bound | None = Field(default=None, description="Least price, included", examples=["100.00"])
    max_price: Bound | None = Field(default=None, description="Most price, included", examples=["500.00"])
    after: Cursor | None = Field(
        default=None, description="Cursor: the id of the last stock of the page before", examples=[4]
    )

    def filter(self) -> StockFilter:
        """One more than the page holds is asked for: whether it is there tells if there is a next page."""
        return StockFilter(
            text=self.q or None,
            is_growing=None if self.is_growing is None else self.is_growing == "true",
            least=self.min_price,
            most=self.max_price,
            after=self.after,
            limit=self.limit + 1,
        )


class OfferBody(Taken):
    """All that a moderator says of a stock. Its id, status and version are the service's own."""

    company: Annotated[str, Composed] = Field(min_length=1, max_length=100, pattern=LINE, examples=["Onega Shipyard"])
    price: Decimal = Field(gt=0, le=PRICE_MOST, max_digits=12, decimal_places=2, examples=["512.75"])
    is_growing: bool = Field(examples=[True])
    description: Annotated[str, Composed] = Field(
        default="", max_length=2000, pattern=PROSE, examples=["Tugs and icebreakers."]
    )
    picture: str = Field(
        max_length=100,
        description="File name of one of the pictures that `GET /pictures` lists",
        examples=["northwind-shipping.svg"],
    )

    def offer(self) -> Offer:
        return Offer(self.company, self.price, self.is_growing, self.description, self.picture)


class PicturesShape(Given):
    pictures: list[str] = Field(examples=[["altay-grain.svg", "northwind-shipping.svg"]])


class ItemShape(Given):
    stock_id: int = Field(examples=[1])
    company: str = Field(examples=["Northwind Shipping"])
    price: Decimal = Field(examples=["312.40"])
    quantity: int = Field(examples=[2])
    result: Result | None = Field(description="The deferred result; null until it has arrived")
    is_offered: bool = Field(description="Whether the catalogue still has the stock")

    @classmethod
    def of(cls, item: Item) -> "ItemShape":
        return cls(
            stock_id=item.stock_id,
            company=item.company,
            price=item.price,
            quantity=item.quantity,
            result=item.result,
            is_offered=item.is_offered,
        )


class RequestShape(Given):
    id: int = Field(examples=[7])
    creator: str = Field(examples=["creator"])
    state: State = Field(examples=["draft"])
    created_at: datetime
    formed_at: datetime | None
    closed_at: datetime | None = Field(description="When it was completed or rejected")
    moderator: str | None = Field(description="Who completed or rejected it", examples=[None])
    items: list[ItemShape]

    @classmethod
    def of(cls, request: Request) -> "RequestShape":
        return cls(
            id=request.id,
            creator=request.creator,
            state=request.state,
            created_at=request.created_at,
            formed_at=request.formed_at,
            closed_at=request.closed_at,
            moderator=request.moderator,
            items=[ItemShape.of(item) for item in request.items],
        )


class RequestsShape(Given):
    requests: list[RequestShape]
    next: str | None = Field(description="Path of the next page; null on the last one", examples=["/requests?before=4"])


class RequestQuery(Page):
    state: list[Literal["draft", "formed", "completed", "rejected"]] = Field(
        default=[], max_length=4, description="One or more states; none means all", examples=[["formed"]]
    )
    creator: str | None = Field(
        default=None, max_length=100, pattern=LINE, description="The creator's name", examples=["creator"]
    )
    formed_from: date | None = Field(
        default=None, description="First day of forming (UTC), included", examples=["2026-11-01"]
    )
    formed_to: date | None = Field(
        default=None, description="Last day of forming (UTC), included", examples=["2026-11-30"]
    )
    before: Cursor | None = Field(
        default=None, description="Cursor: the id of the last request of the page before", examples=[4]
    )

    def filter(self) -> RequestFilter:
        """One more than the page holds is asked for: whether it is there tells if there is a next page."""
        return RequestFilter(
            states=[State(state) for state in self.state] or None,
            creator=self.creator,
            from_day=self.formed_from,
            to_day=self.formed_to,
            before=self.before,
            limit=self.limit + 1,
        )


class QuantityBody(Taken):
    quantity: int = Field(ge=1, le=MOST_OF_ONE, examples=[3])


class ItemBody(Taken):
    stock_id: int = Field(ge=1, le=2**63 - 1, examples=[1])
    quantity: int = Field(ge=1, le=MOST_OF_ONE, examples=[3])


class ItemsBody(Taken):
    """All items of a draft. State, creator, dates and results are the service's own."""

    items: list[ItemBody] = Field(max_length=MOST_ITEMS)


class CartShape(Given):
    draft_id: int | None = Field(description="The creator's draft; null when there is none", examples=[7])


class DraftShape(Given):
    draft_id: int = Field(examples=[7])


class Credentials(Taken):
    # PostgreSQL's text holds no NUL.
    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00]+$", examples=["creator"])
    password: str = Field(min_length=1, max_length=200, repr=False, examples=["correct horse battery"])


def _mailable(address: str) -> str:
    """Raise an error of validation for what the gateway mails nothing to (services.gateway.domain.composing)."""
    if not address.rpartition("@")[0].isascii() or "=?" in address:
        raise PydanticCustomError(
            "mail", "Mail is sent to addresses whose part before the @ is in ASCII and has no `=?`."
        )
    return address


class Registration(Taken):
    """A new creator. The role is not to be chosen."""

    name: str = Field(pattern=NAME, description="3 to 32 letters, digits and .-_ of one alphabet", examples=["vera"])
    password: str = Field(min_length=SHORTEST_PASSWORD, max_length=200, repr=False, examples=["correct horse battery"])
    email: Annotated[EmailStr, AfterValidator(_mailable)] | None = Field(
        default=None, max_length=254, examples=["vera@example.org"]
    )


class UserShape(Given):
    name: str = Field(examples=["creator"])
    role: Role

    @classmethod
    def of(cls, user: User) -> "UserShape":
        return cls(name=user.name, role=user.role)


class SessionShape(Given):
    id: UUID
    created_at: datetime
    seen_at: datetime = Field(description="Last use, to the minute")
    expires_at: datetime
    address: str | None = Field(examples=["192.0.2.7"])
    agent: str | None = Field(description="The browser's own words", examples=["Mozilla/5.0"])
    is_current: bool = Field(description="Whether this very call belongs to it")

    @classmethod
    def of(cls, session: Session) -> "SessionShape":
        return cls(
            id=session.id,
            created_at=session.created_at,
            seen_at=session.seen_at,
            expires_at=session.expires_at,
            address=session.address,
            agent=session.agent,
            is_current=session.is_current,
        )


class SessionsShape(Given):
    sessions: list[SessionShape]


class CallbackReport(Taken):
    """The result of one deferred job."""

    job: UUID
    request: int | None = Field(ge=1, le=2**63 - 1)
    result: Result
    received_at: AwareDatetime | None = Field(None, description="When the async service was asked, for the timeline")
    accepted_at: AwareDatetime | None = Field(None, description="When it had the job on disk")
    drawn_at: AwareDatetime | None = Field(None, description="When it drew the result")


class CallbackAnswer(Given):
    job: UUID
    applied: bool = Field(description="False when the same result was there already")
