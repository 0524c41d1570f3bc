"""Requests: the list, one of them, what happened to it, and the moderator's decision."""

from uuid import uuid4

from fastapi import APIRouter
from starlette.responses import Response

from services.main.domain.errors import NotFound
from services.main.domain.request import Request, State
from services.main.domain.user import Role, User
from services.main.entrypoints.conditions import entity_tag
from services.main.entrypoints.guards import SignedIn
from services.main.entrypoints.pages.fields import Filled
from services.main.entrypoints.pages.frame import Asked, Frame, local, page, see
from services.main.entrypoints.pages.listing import list_page, read_query
from services.main.entrypoints.pages.refusals import REFUSED, status_of
from services.main.entrypoints.pages.wording import refusal
from services.main.entrypoints.shapes import Id, RequestQuery, RequestShape
from services.main.use_cases.chatting import whole_chat
from services.main.use_cases.drafting import list_requests, show_request
from services.main.use_cases.moderation import close_request
from services.main.use_cases.timeline import note_seen, show_timeline
from services.problem import Problem
from services.transport import read_form

router = APIRouter()

_ON_A_PAGE = 20


@router.get("/pages/requests")
async def requests_page(frame: Asked, user: SignedIn) -> Response:
    query, form = read_query(frame, RequestQuery, _ON_A_PAGE)
    cursor = await _live_from(frame)
    found = await list_requests(frame.parts.work, user, query.filter()) if query else []
    listed = list_page(frame, found, _ON_A_PAGE, cursor="before", last=lambda request: request.id)
    states = [state for state in State if state is not State.DELETED]
    if user.role is Role.MODERATOR:
        states.remove(State.DRAFT)
    status = 200 if query else 422
    return await page(frame, "requests.html", status, listed=listed, form=form, states=states, cursor=cursor)


@router.get("/pages/requests/{request_id}")
async def request_page(frame: Asked, user: SignedIn, request_id: Id) -> Response:
    return await show(frame, user, await show_request(frame.parts.work, user, request_id))


@router.get("/pages/requests/{request_id}/timeline")
async def timeline_page(frame: Asked, user: SignedIn, request_id: Id) -> Response:
    return await page(frame, "timeline.html", timeline=await show_timeline(frame.parts.work, user, request_id))


@router.post("/pages/requests/{request_id}/complete")
async def complete(frame: Asked, user: SignedIn, request_id: Id) -> Response:
    return await _close(frame, user, request_id, State.COMPLETED)


@router.post("/pages/requests/{request_id}/reject")
async def reject(frame: Asked, user: SignedIn, request_id: Id) -> Response:
    return await _close(frame, user, request_id, State.REJECTED)


async def _close(frame: Frame, user: User, request_id: int, state: State) -> Response:
    back = local((await read_form(frame.request)).get("back"), f"/pages/requests/{request_id}")
    try:
        await close_request(frame.parts.work, user, request_id, state)
    except NotFound:
        raise
    except REFUSED as error:
        status = status_of(error)
        request = await show_request(frame.parts.work, user, request_id)
        return await show(frame, user, request, status, alert=refusal(frame.language, error, status))
    return see(back, state.value)


async def show(
    frame: Frame, user: User, request: Request, status: int = 200, *, alert: str = "", form: Filled | None = None
) -> Response:
    """A request with its chat, or a draft. form: of the field to write in, or of the draft's fields."""
    form = form or Filled()
    if request.state is State.DRAFT:
        return await page(frame, "draft.html", status, request=request, tag=tag_of(request), alert=alert, form=form)
    cursor = await _live_from(frame)
    request = await show_request(frame.parts.work, user, request.id)
    await note_seen(frame.parts.work, user, request)
    chat = await whole_chat(frame.parts.work, user, request.id)
    return await page(
        frame,
        "request.html",
        status,
        request=request,
        alert=alert,
        form=form,
        cursor=cursor,
        chat=chat,
        chat_form_id=uuid4(),
    )


async def _live_from(frame: Frame) -> str:
    """Where the feed goes on from what is read after this. Empty where it is not followed: then with a snapshot."""
    try:
        return str(await frame.parts.hub.cursor())
    except Problem:
        return ""


def tag_of(request: Request) -> str:
    return entity_tag(RequestShape.of(request))
