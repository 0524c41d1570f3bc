"""The queue API."""

import logging
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.domain.message import Channel, Draft, Message, State
from services.gateway.use_cases import look_after
from services.gateway.use_cases.accept import accept
from services.gateway.wiring import Parts
from services.journal import correlation_id
from services.transport import IDEMPOTENCY_KEY, idempotency_key, read_json, request_body

logger = logging.getLogger(__name__)


class PostMessage(BaseModel):
    """A message. channel: email, telegram or vk. to: mail address, Telegram chat or @channel, VK peer.

    Either text, as it is, or template with variables: Jinja, cut down to variables, conditions, loops, a few filters.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    channel: str
    to: str
    subject: str | None = Field(default=None, description="Of a mail, which must have one")
    text: str | None = None
    template: str | None = None
    variables: dict[str, Any] = Field(default_factory=dict)

    def draft(self) -> Draft:
        return Draft(self.channel, self.to, self.subject, self.text, self.template, self.variables)


class Accepted(BaseModel):
    id: UUID


class AttemptShape(BaseModel):
    """One attempt. outcome: sent, refused, limited, failed or unknown; null while it is under way."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    began_at: datetime
    ended_at: datetime | None
    outcome: str | None
    detail: str | None


class MessageShape(BaseModel):
    """A message and its whole history. due_at: when something happens next, of one that is not settled."""

    id: UUID
    channel: Channel
    to: str
    subject: str
    text: str
    state: State
    reason: str | None
    accepted_at: datetime
    due_at: datetime | None
    settled_at: datetime | None
    attempts: list[AttemptShape]

    @classmethod
    def of(cls, message: Message) -> "MessageShape":
        return cls(
            id=message.id,
            channel=message.content.channel,
            to=message.content.to,
            subject=message.content.subject,
            text=message.content.text,
            state=message.state,
            reason=message.reason,
            accepted_at=message.accepted_at,
            due_at=None if message.settled_at else message.due_at,
            settled_at=message.settled_at,
            attempts=[AttemptShape.model_validate(each) for each in message.attempts],
        )


class LetterShape(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    channel: Channel
    to: str
    state: State
    reason: str
    attempts: int
    accepted_at: datetime
    dead_since: datetime


class LettersShape(BaseModel):
    """A page of messages that wait for a person. next: the path of the next page, null on the last one."""

    letters: list[LetterShape]
    next: str | None


async def parts_of(request: Request) -> Parts:
    parts = request.app.state.parts
    assert isinstance(parts, Parts)
    return parts


PartsOfApp = Annotated[Parts, Depends(parts_of)]


async def token(request: Request, parts: PartsOfApp) -> None:
    parts.token.check(request)


# As a dependency the token is looked at before anything else of the call.
router = APIRouter(dependencies=[Depends(token)])

_KEY = {
    "parameters": [
        {
            "name": IDEMPOTENCY_KEY,
            "in": "header",
            "required": True,
            "description": "Names the deed: the same call, sent again with its key, makes no second message",
            "schema": {"type": "string", "maxLength": 128},
        }
    ]
}


@router.post("/messages", status_code=202, openapi_extra=request_body(PostMessage) | _KEY)
async def post_message(request: Request, response: Response, parts: PartsOfApp) -> Accepted:
    """Take a message. 202: it is on disk and will be sent; sent again with its key, it is the same one.

    422: a field is wrong, and `errors` says which and why; or the key came with another message.
    """
    key = idempotency_key(request)
    body = await read_json(request, PostMessage)
    message, new = await accept(parts.messages, parts.channels, body.draft(), key, correlation_id())
    logger.info("message accepted", extra={"key": str(message), "new": new})
    response.headers["Location"] = f"/messages/{message}"
    return Accepted(id=message)


@router.get("/messages/{message}")
async def get_message(message: UUID, parts: PartsOfApp) -> MessageShape:
    """The message with all attempts to send it."""
    return MessageShape.of(await look_after.look(parts.messages, message))


@router.post("/messages/{message}/redrive", status_code=202)
async def post_redrive(message: UUID, parts: PartsOfApp) -> MessageShape:
    """Send a dead or unknown message again, now. 409: it waits for nobody."""
    return MessageShape.of(await look_after.redrive(parts.messages, message))


@router.post("/messages/{message}/dismiss")
async def post_dismiss(message: UUID, parts: PartsOfApp) -> MessageShape:
    """Let a dead or unknown message be: it is never sent again. 409: it waits for nobody."""
    return MessageShape.of(await look_after.dismiss(parts.messages, message))


@router.get("/dead-letters")
async def get_dead_letters(
    parts: PartsOfApp,
    limit: Annotated[int, Query(ge=1, le=100, description="The length of a page")] = 50,
    before: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="From the page before: do not make it up")
    ] = None,
) -> LettersShape:
    """Messages that wait for a person, the youngest first: dead ones, and those whose outcome is unknown."""
    found = await parts.messages.letters(limit, before)
    following = f"/dead-letters?limit={limit}&before={found[-1].place}" if len(found) == limit else None
    return LettersShape(letters=[LetterShape.model_validate(each) for each in found], next=following)
