"""Server-sent events (WHATWG HTML, section 9.2)."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import StreamingResponse

from services.feed import Cursor
from services.main.domain.user import User
from services.main.entrypoints.feed.stream import SessionEnded, messages
from services.main.entrypoints.feed.wire import CursorText
from services.main.entrypoints.guards import PartsOfApp, Visitor, session_token
from services.main.wiring import Parts

# An answer without an end is not described in OpenAPI, which could not say what comes in it: docs/live-updates.md does.
router = APIRouter(include_in_schema=False)


@router.get("/feed/events")
async def get_events(
    request: Request,
    parts: PartsOfApp,
    user: Visitor,
    after: CursorText | None = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """The feed as a stream. Last-Event-ID, which a browser sends when it comes again, goes before the query."""
    try:
        cursor = Cursor.parse(last_event_id or after or "")
    except ValueError:
        cursor = None
    return StreamingResponse(
        _lines(parts, user, session_token(request), cursor),
        media_type="text/event-stream",
        # For nginx: pass on each event at once.
        headers={"X-Accel-Buffering": "no"},
    )


async def _lines(parts: Parts, user: User | None, token: str | None, cursor: Cursor | None) -> AsyncIterator[str]:
    try:
        async for said in messages(parts, user, token, cursor):
            kind = "event: reset\n" if said.is_reset else ""
            yield f"{kind}id: {said.cursor}\ndata: {said.text}\n\n"
    except SessionEnded:
        return
