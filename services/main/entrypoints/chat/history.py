"""A chat's messages as they are now, for whoever has no socket."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from services.main.domain.chat import Mark, Message
from services.main.entrypoints.description import refusals
from services.main.entrypoints.guards import PartsOfApp, SignedIn
from services.main.entrypoints.paging import Cursor, Page, link_next
from services.main.entrypoints.shapes import Given, Id
from services.main.use_cases.chatting import show_chat

router = APIRouter(tags=["chat"])


class ChatQuery(Page):
    after: Cursor | None = Field(
        default=None, description="Cursor: the number of the last message of the page before", examples=[4]
    )


class MessageShape(Given):
    seq: int = Field(description="The number of the entry that began it", examples=[1])
    author: str = Field(examples=["creator"])
    version: int = Field(description="Counts its changes, from 1", examples=[1])
    text: str | None = Field(description="null when it was deleted", examples=["When will it be looked at?"])
    is_deleted: bool
    written_at: datetime

    @classmethod
    def of(cls, message: Message) -> "MessageShape":
        return cls(
            seq=message.seq,
            author=message.author,
            version=message.version,
            text=message.text,
            is_deleted=message.is_deleted,
            written_at=message.written_at,
        )


class MarkShape(Given):
    author: str = Field(examples=["moderator"])
    delivered: int = Field(description="Every entry up to this one has reached them")
    read: int = Field(description="Every entry up to this one was shown to them")

    @classmethod
    def of(cls, mark: Mark) -> "MarkShape":
        return cls(author=mark.author, delivered=mark.delivered, read=mark.read)


class ChatShape(Given):
    last: int = Field(description="The chat's newest number when this was read: where a socket can go on", examples=[7])
    messages: list[MessageShape]
    marks: list[MarkShape]
    next: str | None = Field(description="Path of the next page; null on the last one", examples=[None])


@router.get("/requests/{request_id}/chat", responses=refusals(401, 404, 422))
async def get_chat(
    request: Request,
    response: Response,
    parts: PartsOfApp,
    user: SignedIn,
    *,
    request_id: Id,
    query: Annotated[ChatQuery, Query()],
) -> ChatShape:
    """The chat about a request, oldest message first. For its creator and for moderators."""
    # One more than the page holds: whether it is there tells if there is a next page.
    last, found, marks = await show_chat(parts.work, user, request_id, after=query.after or 0, limit=query.limit + 1)
    messages = [MessageShape.of(each) for each in found[: query.limit]]
    more = messages[-1].seq if len(found) > query.limit else None
    return ChatShape(
        last=last,
        messages=messages,
        marks=[MarkShape.of(each) for each in marks],
        next=link_next(request, response, "after", more),
    )
