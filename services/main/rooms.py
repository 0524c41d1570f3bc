"""One per process of the main service: the chats that its sockets are in, and what happens there."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from random import SystemRandom
from time import monotonic

from services import metrics
from services.batch import Batch
from services.broker import Broker, BrokerSettings, Unavailable, open_broker
from services.loops import lasting
from services.main.domain.chat import Answer, Entry, Kind, Mark, Operation, Placed
from services.main.domain.user import User
from services.main.use_cases.chatting import join_chat, post
from services.main.use_cases.ports import Work
from services.postgres import UNAVAILABLE
from services.retry import Backoff

logger = logging.getLogger(__name__)

TOPIC = "chat"
# Entries of a chat that are kept in memory, and that are read from the database in one step.
KEPT = 200
AT_ONCE = 100
# Seconds between two looks when no hint comes, and that marks are gathered before they are written.
LOOK_EVERY = 1.0
MARKS_EVERY = 0.5
# Chats that one hint names.
MOST_HINTED = 500


@dataclass(eq=False, slots=True)
class Seat:
    """One socket's place in a chat.

    place: everything up to here was sent; None before the client has said where it is. bell: there may be news.
    """

    place: int | None = None
    bell: asyncio.Event = field(default_factory=asyncio.Event)


class Room:
    """A chat with sockets in it: its newest entries once for all of them. No queue for each: see Hub."""

    def __init__(self, request_id: int, last: int) -> None:
        self.request_id = request_id
        self.last = last
        self.marks: Sequence[Mark] = ()
        self.seats: set[Seat] = set()
        self._tail: deque[Entry] = deque(maxlen=KEPT)

    def extend(self, entries: Iterable[Entry]) -> bool:
        """Append what is new and wake the seats. False, and nothing is done, where something before it is missing."""
        fresh = [entry for entry in entries if entry.seq > self.last]
        if not fresh:
            return True
        if fresh[0].seq != self.last + 1:
            return False
        for entry in fresh:
            if entry.kind is not Kind.TEXT:
                self._blank_older(entry)
            self._tail.append(entry)
        self.last = fresh[-1].seq
        self._wake()
        return True

    def mark(self, marks: Sequence[Mark]) -> None:
        """How far everybody has come."""
        if marks != self.marks:
            self.marks = marks
            self._wake()

    def after(self, place: int) -> Sequence[Entry] | None:
        """What came after a number, AT_ONCE at most; None where it is no longer in memory."""
        missing = self.last - place
        if missing <= 0:
            return ()
        if missing > len(self._tail):
            return None
        return tuple(islice(self._tail, len(self._tail) - missing, len(self._tail) - missing + AT_ONCE))

    def _blank_older(self, newer: Entry) -> None:
        """What was edited out or deleted is gone here too, as in the database."""
        for index, entry in enumerate(self._tail):
            if entry.message == newer.message and entry.version < newer.version:
                self._tail[index] = replace(entry, text=None)

    def _wake(self) -> None:
        for seat in self.seats:
            seat.bell.set()


class Rooms:
    """The database has the truth. Whoever changes it hints to the other processes, through the broker, where to look.

    A lost hint costs time only: every room is looked at now and then. Without a broker that is all there is.
    """

    def __init__(self, work: Work, broker: BrokerSettings | None) -> None:
        self._work = work
        self._settings = broker
        self._rooms: dict[int, Room] = {}
        self._posts: Batch[Operation, Answer] = Batch(self._post)
        # Chats to look at, and those of which others are to be told; marks to be written, by chat and user.
        self._wanted: set[int] = set()
        self._told: set[int] = set()
        self._marks: dict[tuple[int, int], tuple[int, int]] = {}
        self._look_now, self._tell_now, self._mark_now = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._random = SystemRandom()
        self.closing = False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Follow the chats until the end of the block."""
        broker = open_broker(self._settings) if self._settings else None
        loops = [self._follow, self._keep_marks]
        if broker:
            loops += [partial(self._tell, broker), partial(self._listen, broker)]
        tasks = [asyncio.create_task(lasting(loop)) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if broker:
                await broker.close()

    def close(self) -> None:
        """Let every socket go."""
        self.closing = True
        for room in self._rooms.values():
            for seat in room.seats:
                seat.bell.set()

    @asynccontextmanager
    async def seat(self, user: User, request_id: int) -> AsyncIterator[tuple[Room, Seat]]:
        """A seat in the room of a request that the user may see. Raises NotFound."""
        last = await join_chat(self._work, user, request_id)
        room = self._rooms.get(request_id)
        if room is None:
            room = self._rooms[request_id] = Room(request_id, last)
            self._want([request_id])
        seat = Seat()
        room.seats.add(seat)
        try:
            yield room, seat
        finally:
            room.seats.discard(seat)
            if not room.seats and self._rooms.get(request_id) is room:
                del self._rooms[request_id]

    async def post(self, operation: Operation) -> Answer:
        """Place an operation. It is on disk when this returns; what comes at the same time shares one transaction."""
        return await self._posts.ask(operation)

    def mark(self, room: Room, user: User, delivered: int, read: int) -> None:
        """Note how far the user has come. Written soon; what dies with the process, the client says again."""
        self._note((room.request_id, user.id), delivered, read)

    async def read(self, request_id: int, after: int, most: int = AT_ONCE) -> Sequence[Entry]:
        """Entries after a number, from the database."""
        async with self._work() as unit:
            return await unit.chats.entries({request_id: after}, min(most, AT_ONCE))

    async def look(self, request_ids: Collection[int]) -> None:
        """Bring these rooms up to date."""
        places = {each: self._rooms[each].last for each in request_ids if each in self._rooms}
        while places:
            async with self._work() as unit:
                found = await unit.chats.entries(places, AT_ONCE)
                marks = await unit.chats.marks(list(places))
            entries: dict[int, list[Entry]] = {}
            for entry in found:
                entries.setdefault(entry.request_id, []).append(entry)
            for request_id in places:
                if room := self._rooms.get(request_id):
                    room.extend(entries.get(request_id, ()))
                    room.mark(marks.get(request_id, ()))
            places = {each: new[-1].seq for each, new in entries.items() if len(new) == AT_ONCE}

    async def _post(self, operations: Sequence[Operation]) -> Sequence[Answer]:
        answers, entries = await post(self._work, operations)
        metrics.CHAT_RESENT.inc(sum(isinstance(each, Placed) and not each.is_new for each in answers))
        chats: dict[int, list[Entry]] = {}
        for entry in entries:
            metrics.CHAT_ENTRIES.labels(entry.kind.value).inc()
            chats.setdefault(entry.request_id, []).append(entry)
        for request_id, new in chats.items():
            room = self._rooms.get(request_id)
            if room and not room.extend(new):
                # Another process was there before us, and its hint is still on the way.
                self._want([request_id])
        self._hint(chats)
        return answers

    def _want(self, request_ids: Iterable[int]) -> None:
        self._wanted.update(request_ids)
        self._look_now.set()

    def _hint(self, request_ids: Iterable[int]) -> None:
        if self._settings:
            self._told.update(request_ids)
            self._tell_now.set()

    async def _follow(self) -> None:
        looked = monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, looked + LOOK_EVERY - monotonic())):
                    await self._look_now.wait()
            self._look_now.clear()
            wanted, self._wanted = self._wanted, set()
            if monotonic() >= looked + LOOK_EVERY:
                looked = monotonic()
                wanted = set(self._rooms)
            try:
                await self.look(wanted)
            except UNAVAILABLE as error:
                logger.warning("not following the chats", extra={"error": type(error).__name__})
                await asyncio.sleep(LOOK_EVERY)

    def _note(self, who: tuple[int, int], delivered: int, read: int) -> None:
        before = self._marks.get(who, (0, 0))
        read = max(read, before[1])
        self._marks[who] = (max(delivered, read, before[0]), read)
        self._mark_now.set()

    async def _keep_marks(self) -> None:
        while True:
            await self._mark_now.wait()
            await asyncio.sleep(MARKS_EVERY)
            self._mark_now.clear()
            marks, self._marks = self._marks, {}
            try:
                async with self._work() as unit:
                    chats = await unit.chats.keep_marks(marks)
            except UNAVAILABLE as error:
                # A client says a mark once for as long as it is connected.
                for who, (delivered, read) in marks.items():
                    self._note(who, delivered, read)
                logger.warning("marks not written yet", extra={"error": type(error).__name__})
                await asyncio.sleep(LOOK_EVERY)
                continue
            self._want(chats)
            self._hint(chats)

    async def _tell(self, broker: Broker) -> None:
        """Hint to the other processes. What gathers while one hint is under way shares the next."""
        while True:
            await self._tell_now.wait()
            self._tell_now.clear()
            chats, self._told = sorted(self._told), set()
            for start in range(0, len(chats), MOST_HINTED):
                try:
                    await broker.announce(TOPIC, json.dumps(chats[start : start + MOST_HINTED]).encode())
                except Unavailable as error:
                    metrics.CHAT_HINTS_LOST.inc()
                    logger.warning("no hint to other processes", extra={"error": str(error)})
                    await asyncio.sleep(LOOK_EVERY)
                    break

    async def _listen(self, broker: Broker) -> None:
        backoff, failures = Backoff(base=0.5, most=10.0), 0
        while True:
            try:
                async with broker.listen(TOPIC) as ear:
                    failures = 0
                    self._want(self._rooms)
                    while True:
                        if (body := await ear.receive()) is not None:
                            metrics.CHAT_HINTS_HEARD.inc()
                            self._want(_chats(body))
            except Unavailable as error:
                failures += 1
                logger.warning("no hints from other processes", extra={"error": str(error)})
                await asyncio.sleep(backoff.delay(failures, self._random))


def _chats(body: bytes) -> list[int]:
    """The chats that a hint names. One that is none of ours names none: it is a hint, and costs time only."""
    try:
        found = json.loads(body)
    except ValueError:
        return []
    return [each for each in found if isinstance(each, int)] if isinstance(found, list) else []
