"""The chat's socket (RFC 6455): one task hears, one speaks."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from services import metrics
from services.main.domain.allowance import CHAT, Meter
from services.main.domain.chat import Mark, Placed
from services.main.domain.errors import ChatFull, NotFound, NotTheAuthor, Outdated
from services.main.domain.user import User
from services.main.entrypoints.chat import wire
from services.main.entrypoints.chat.wire import Delete, Edit, Fetch, Hello, Marks, Refused, Send
from services.main.entrypoints.feed.stream import SessionEnded, still_signed_in
from services.main.entrypoints.feed.websocket import PATIENCE, POLICY_VIOLATION, SERVICE_RESTART, TRY_AGAIN_LATER
from services.main.entrypoints.feed.wire import HEARTBEAT
from services.main.entrypoints.guards import PartsOfApp, Visitor, session_token, socket_refusal
from services.main.entrypoints.shapes import Id
from services.main.rooms import Room, Seat
from services.main.wiring import Parts
from services.postgres import UNAVAILABLE
from services.problem import Problem

router = APIRouter()

_CODES: dict[type[Exception], str] = {
    ChatFull: "full",
    NotFound: "not-found",
    NotTheAuthor: "not-the-author",
    Outdated: "outdated",
}


class _Ended(Exception):
    """The socket is to be closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@router.websocket("/requests/{request_id}/chat/socket")
async def chat_socket(socket: WebSocket, parts: PartsOfApp, user: Visitor, request_id: Id) -> None:
    if refusal := socket_refusal(socket, parts, user):
        await socket.send_denial_response(refusal.response())
        return
    assert user is not None
    try:
        async with parts.rooms.seat(user, request_id) as (room, seat):
            await socket.accept()
            with metrics.CHAT_SOCKETS.track_inprogress():
                await _Talk(socket, parts, user, room, seat).run()
    except NotFound as error:
        await socket.send_denial_response(Problem(404, "not-found", str(error)).response())


class _Talk:
    """One socket's conversation, until either side ends it."""

    def __init__(self, socket: WebSocket, parts: Parts, user: User, room: Room, seat: Seat) -> None:
        self._socket = socket
        self._parts = parts
        self._rooms = parts.rooms
        self._user = user
        self._room = room
        self._seat = seat
        self._meter = Meter(CHAT)

    async def run(self) -> None:
        hearing = asyncio.create_task(self._hear())
        speaking = asyncio.create_task(self._speak())
        done, left = await asyncio.wait((hearing, speaking), return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for task in done:
            try:
                task.result()
            except _Ended as end:
                with suppress(WebSocketDisconnect, RuntimeError):
                    await self._socket.close(end.code, str(end))
            except (WebSocketDisconnect, RuntimeError):
                # It is closed already.
                pass

    async def _hear(self) -> None:
        """Take one message at a time, so that what one client says keeps its order."""
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                return
            await self._slow_down()
            try:
                await self._answer(received.get("text"))
            except Refused as error:
                metrics.CHAT_REFUSED.labels(error.code).inc()
                await self._say(wire.refusal(error))
            except UNAVAILABLE:
                # Whatever the client has sent after this one must not overtake it: it sends all of it again, in order.
                raise _Ended(TRY_AGAIN_LATER, "not now; send again what has no ack") from None

    async def _slow_down(self) -> None:
        """Nothing is refused for coming too fast: it is taken later, in its order, and the client is told why."""
        wait = self._meter.spend(monotonic())
        if wait:
            metrics.CHAT_REFUSED.labels("too-fast").inc()
            detail = "Too many messages at once; they are taken more slowly now."
            await self._say(wire.refusal(Refused("too-fast", detail, wait=round(wait, 2))))
            await asyncio.sleep(wait)

    async def _answer(self, text: str | None) -> None:
        said = wire.read(text)
        match said:
            case Hello():
                await self._begin(said.after)
            case Send() | Edit() | Delete():
                answer = await self._rooms.post(said.operation(self._room.request_id, self._user))
                if not isinstance(answer, Placed):
                    fields = {"version": answer.version} if isinstance(answer, Outdated) else {}
                    raise Refused(_CODES[type(answer)], str(answer), id=str(said.id), **fields)
                await self._say(wire.ack(said.id, answer.seq))
            case Fetch():
                if said.to < said.first:
                    raise Refused("invalid", "A range ends where it begins, or after that.", at="to")
                found = await self._rooms.read(self._room.request_id, said.first - 1, said.to - said.first + 1)
                await self._say(wire.entries(found))
            case Marks():
                self._rooms.mark(self._room, self._user, said.delivered, said.read)

    async def _begin(self, after: int) -> None:
        if after > self._room.last:
            # Another process was faster than this one, or this is not the database that the client knew.
            await self._rooms.look([self._room.request_id])
        if after > self._room.last:
            raise Refused("unknown-place", f"The chat ends at {self._room.last}; begin again after 0.")
        await self._say(wire.welcome(self._room.last, self._user))
        self._seat.place = after
        self._seat.bell.set()

    async def _speak(self) -> None:
        checked = said = monotonic()
        marks: Sequence[Mark] = ()
        token = session_token(self._socket)
        while True:
            self._seat.bell.clear()
            if self._rooms.closing:
                raise _Ended(SERVICE_RESTART, "the service stops; go on from where you are")
            if monotonic() - checked >= HEARTBEAT / 2 and token is not None:
                await self._check(token)
                checked = monotonic()
            if self._seat.place is not None:
                if await self._catch_up(self._seat.place):
                    said = monotonic()
                    continue
                if marks != self._room.marks:
                    marks = self._room.marks
                    await self._say(wire.marks(marks))
                    said = monotonic()
                if monotonic() - said >= HEARTBEAT:
                    await self._say(wire.beat(self._room.last))
                    said = monotonic()
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT / 3):
                    await self._seat.bell.wait()

    async def _catch_up(self, place: int) -> bool:
        """Send the next entries. Whether there were any."""
        found = self._room.after(place)
        if found is None:
            try:
                found = await self._rooms.read(self._room.request_id, place)
            except UNAVAILABLE:
                raise _Ended(TRY_AGAIN_LATER, "not now; go on from where you are") from None
        if not found:
            return False
        await self._say(wire.entries(found))
        metrics.CHAT_DELIVERED.inc(len(found))
        if self._seat.place == place:
            # Unless the client has begun anew meanwhile.
            self._seat.place = found[-1].seq
        return True

    async def _check(self, token: str) -> None:
        try:
            await still_signed_in(self._parts, self._user, token)
        except SessionEnded:
            raise _Ended(POLICY_VIOLATION, "the session has ended") from None

    async def _say(self, text: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._socket.send_text(text)
        except TimeoutError:
            raise _Ended(TRY_AGAIN_LATER, "too slow; go on from where you are") from None
