"""Short and long polling: the same call, answered at once or as soon as there is something to tell."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from services.feed import Cursor, Expired
from services.main.entrypoints.description import conditional, refusals
from services.main.entrypoints.feed.wire import BatchShape, CursorText, SnapshotShape, message, snapshot_of, viewer_of
from services.main.entrypoints.guards import PartsOfApp, Visitor
from services.problem import Problem

router = APIRouter(tags=["feed"])

# Seconds; below the timeouts on the way.
LONGEST_WAIT = 25


@router.get("/feed", response_model=BatchShape, responses=refusals(304, 410), openapi_extra=conditional(reading=True))
async def get_feed(
    request: Request,
    parts: PartsOfApp,
    user: Visitor,
    after: CursorText,
    wait: Annotated[int, Query(ge=0, le=LONGEST_WAIT, description="Seconds to wait for an event", examples=[25])] = 0,
) -> Response:
    """What happened after a cursor, as far as it concerns the caller.

    The ETag is the new cursor. Sent back as If-None-Match, without an event it is answered 304, whose Feed-Cursor tells
    how far that holds. After 410, begin again with a snapshot.
    """
    cursor = Cursor.parse(after)
    try:
        batch = await parts.hub.wait(cursor, viewer_of(user), wait)
    except Expired as error:
        raise Problem(410, error.reason, "Begin again with GET /feed/snapshot.") from None
    headers = {"ETag": f'W/"{batch.cursor}"', "Feed-Cursor": str(batch.cursor)}
    if not batch.events and f'"{cursor}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(message(batch), headers=headers, media_type="application/json")


@router.get("/feed/snapshot")
async def get_snapshot(parts: PartsOfApp, user: Visitor) -> SnapshotShape:
    """The state now, and the cursor to go on from."""
    return await snapshot_of(parts, user)
