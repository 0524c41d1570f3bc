"""What is said of the feed, the same in all four ways."""

import json
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field

from services.feed import Batch, Viewer
from services.feed.cursor import PATTERN
from services.main.domain.user import Role, User
from services.main.entrypoints.shapes import Given, RequestShape, StockShape
from services.main.use_cases.catalogue import list_stocks
from services.main.use_cases.drafting import list_requests
from services.main.wiring import Parts

# Seconds; a proxy's read timeout has to be longer.
HEARTBEAT = 15.0

CursorText = Annotated[
    str, Query(pattern=f"^{PATTERN}$", description="What was seen already", examples=["0123456789abcdef:42"])
]


class FeedEventShape(Given):
    seq: int = Field(description="Its number in the feed", examples=[43])
    kind: Literal["result", "request", "stock"]
    body: dict[str, Any] = Field(description="The thing as the event left it")


class BatchShape(Given):
    """Between two cursors, exactly these events concern the caller."""

    after: str = Field(examples=["0123456789abcdef:42"])
    cursor: str = Field(examples=["0123456789abcdef:43"])
    events: list[FeedEventShape]


class SnapshotShape(Given):
    """The state now, as far as the first pages of the lists tell it, and where the feed goes on from it."""

    cursor: str = Field(examples=["0123456789abcdef:43"])
    stocks: list[StockShape]
    requests: list[RequestShape]


def viewer_of(user: User | None) -> Viewer:
    return Viewer(user.id, user.role is Role.MODERATOR) if user else Viewer()


def message(batch: Batch) -> str:
    """The batch as JSON in one line. One without events is a heartbeat."""
    # The bodies are JSON already.
    events = ", ".join(f'{{"seq": {each.seq}, "kind": "{each.kind}", "body": {each.body}}}' for each in batch.events)
    return f'{{"after": "{batch.after}", "cursor": "{batch.cursor}", "events": [{events}]}}'


def reset(reason: str, snapshot: SnapshotShape) -> str:
    return json.dumps({"reset": reason, "snapshot": snapshot.model_dump(mode="json")})


async def snapshot_of(parts: Parts, user: User | None) -> SnapshotShape:
    # The cursor first: an event between the two is told again, which does no harm, but none is left out.
    cursor = await parts.hub.cursor()
    stocks = await list_stocks(parts.work)
    requests = await list_requests(parts.work, user) if user else ()
    return SnapshotShape(
        cursor=str(cursor),
        stocks=[StockShape.of(stock) for stock in stocks],
        requests=[RequestShape.of(request) for request in requests],
    )
