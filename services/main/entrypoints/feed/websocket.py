"""A WebSocket (RFC 6455). The server speaks; what a client says is not listened to."""

import asyncio
from contextlib import suppress

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from services.feed import Cursor
from services.main.domain.user import User
from services.main.entrypoints.feed.stream import SessionEnded, messages
from services.main.entrypoints.guards import PartsOfApp, Visitor, session_token, socket_refusal
from services.main.wiring import Parts

router = APIRouter()

# Seconds that a client may take for one message.
PATIENCE = 10.0
# Close codes (IANA's registry of WebSocket close code numbers).
POLICY_VIOLATION = 1008
SERVICE_RESTART = 1012
TRY_AGAIN_LATER = 1013


@router.websocket("/feed/socket")
async def feed_socket(socket: WebSocket, parts: PartsOfApp, user: Visitor, after: str = "") -> None:
    if refusal := socket_refusal(socket, parts, user):
        await socket.send_denial_response(refusal.response())
        return
    assert user is not None
    try:
        cursor = Cursor.parse(after)
    except ValueError:
        cursor = None
    await socket.accept()
    async with asyncio.TaskGroup() as tasks:
        speaking = tasks.create_task(_speak(socket, parts, user, cursor))
        await _gone(socket)
        speaking.cancel()


async def _gone(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _speak(socket: WebSocket, parts: Parts, user: User, cursor: Cursor | None) -> None:
    code, reason = SERVICE_RESTART, "the service stops; go on from your cursor"
    try:
        async for said in messages(parts, user, session_token(socket), cursor):
            async with asyncio.timeout(PATIENCE):
                await socket.send_text(said.text)
    except TimeoutError:
        code, reason = TRY_AGAIN_LATER, "too slow; go on from your cursor"
    except SessionEnded:
        code, reason = POLICY_VIOLATION, "the session has ended"
    except WebSocketDisconnect:
        return
    with suppress(WebSocketDisconnect, RuntimeError):
        await socket.close(code, reason)
