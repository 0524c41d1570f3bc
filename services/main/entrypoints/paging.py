"""Pages of a list: a cursor that stays put when things come and go, and a Link header (RFC 8288)."""

from typing import Annotated
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

Cursor = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Page(BaseModel):
    """Filters of a list, as they stand in the query. One that is unknown is refused: it would filter nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=50, ge=1, le=100, description="The length of a page", examples=[50])


def link_next(request: Request, response: Response, cursor: str, last: int | None) -> str | None:
    """The target of the next page, also told as a Link header; None after the last page."""
    if last is None:
        return None
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != cursor]
    target = f"{request.url.path}?{urlencode([*kept, (cursor, str(last))])}"
    response.headers["Link"] = f'<{target}>; rel="next"'
    return target
