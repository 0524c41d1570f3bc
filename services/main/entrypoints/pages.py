"""The pages: drawn here, brought to life by `static/app.js`, which talks to the API."""

from functools import cache
from typing import Any

from fastapi import APIRouter
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.main.domain.errors import NotFound
from services.main.domain.user import Role, User
from services.main.entrypoints.guards import PartsOfApp, Visitor
from services.main.entrypoints.shapes import Id
from services.main.use_cases.catalogue import list_stocks
from services.main.use_cases.drafting import cart, show_request
from services.main.use_cases.timeline import note_seen, show_timeline
from services.main.wiring import Parts
from services.tracing import Step

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("services.main"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


async def _page(name: str, parts: Parts, user: User | None, *, status: int = 200, **values: Any) -> Response:
    """A page in the common frame: who is signed in, and the cart widget."""
    frame = {
        "user": user,
        "is_creator": user is not None and user.role is Role.CREATOR,
        "draft_id": await cart(parts.work, user),
        "environment": parts.environment,
    }
    return HTMLResponse(_templates().get_template(name).render(frame | values), status)


@router.get("/")
async def stocks_page(parts: PartsOfApp, user: Visitor) -> Response:
    return await _page("stocks.html", parts, user, stocks=await list_stocks(parts.work))


@router.get("/pages/login")
async def login_page(parts: PartsOfApp, user: Visitor) -> Response:
    if user is not None:
        return RedirectResponse("/", 303)
    return await _page("login.html", parts, user)


@router.get("/pages/requests/{request_id}")
async def request_page(parts: PartsOfApp, user: Visitor, request_id: Id) -> Response:
    if user is None:
        return RedirectResponse("/pages/login", 303)
    try:
        request = await show_request(parts.work, user, request_id)
    except NotFound as error:
        return await _page("missing.html", parts, user, status=404, reason=str(error))
    await note_seen(parts.work, user, request)
    return await _page("request.html", parts, user, request=request)


@router.get("/pages/requests/{request_id}/timeline")
async def timeline_page(parts: PartsOfApp, user: Visitor, request_id: Id) -> Response:
    if user is None:
        return RedirectResponse("/pages/login", 303)
    try:
        timeline = await show_timeline(parts.work, user, request_id)
    except NotFound as error:
        return await _page("missing.html", parts, user, status=404, reason=str(error))
    return await _page("timeline.html", parts, user, timeline=timeline, titles={step: step.title for step in Step})
