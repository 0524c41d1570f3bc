"""Writing into the chat about a request with a form. Where scripts run, static/chat.js takes the form over."""

from uuid import UUID, uuid5

from fastapi import APIRouter
from starlette.responses import Response

from services.main.domain.chat import Kind, Operation, Placed
from services.main.domain.errors import ChatFull
from services.main.entrypoints.chat.wire import Text
from services.main.entrypoints.guards import SignedIn
from services.main.entrypoints.pages.fields import Filled, read_fields
from services.main.entrypoints.pages.frame import Asked, see
from services.main.entrypoints.pages.requests import show
from services.main.entrypoints.pages.wording import refusal
from services.main.entrypoints.shapes import Id, Taken
from services.main.use_cases.chatting import join_chat
from services.main.use_cases.drafting import show_request
from services.problem import Problem
from services.transport import read_form

router = APIRouter()


class _Message(Taken):
    """id: of the form, so that it says the same once however often it is sent."""

    id: UUID
    text: Text


@router.post("/pages/requests/{request_id}/chat")
async def say(frame: Asked, user: SignedIn, request_id: Id) -> Response:
    sent = await read_form(frame.request)
    await join_chat(frame.parts.work, user, request_id)
    typed = sent.get("text", "")
    message, faults = read_fields(_Message, {"id": sent.get("id"), "text": typed.strip()})
    if "id" in faults:
        # No browser does this.
        raise Problem(422)
    if message is None:
        request = await show_request(frame.parts.work, user, request_id)
        return await show(frame, user, request, 422, form=Filled({"text": typed}, faults))
    # A browser that goes back shows the same form: with another text, it is another message.
    name = uuid5(message.id, message.text)
    answer = await frame.parts.rooms.post(Operation(request_id, user, name, Kind.TEXT, text=message.text))
    if isinstance(answer, ChatFull):
        request = await show_request(frame.parts.work, user, request_id)
        faults = {"text": refusal(frame.language, answer, 409)}
        return await show(frame, user, request, 409, form=Filled({"text": typed}, faults))
    if not isinstance(answer, Placed):
        raise answer
    return see(f"/pages/requests/{request_id}#message-{answer.seq}", "said")
