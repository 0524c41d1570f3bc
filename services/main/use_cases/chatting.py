"""The chat about a request, for its creator and for moderators."""

from collections.abc import Sequence

from services.main.domain.chat import Answer, Entry, Mark, Message, Operation
from services.main.domain.user import User
from services.main.use_cases.drafting import visible
from services.main.use_cases.ports import Work


async def join_chat(work: Work, user: User, request_id: int) -> int:
    """Come to the chat about a request that the user may see. Its newest number."""
    async with work() as unit:
        visible(await unit.requests.find(request_id), user)
        return await unit.chats.begin(request_id)


async def post(work: Work, operations: Sequence[Operation]) -> tuple[Sequence[Answer], Sequence[Entry]]:
    """Place operations of any chats in one transaction, each once however often it comes.

    Answers in the order of the operations, and the new entries. All are on disk when this returns.
    """
    async with work() as unit:
        ledger = await unit.chats.ledger(operations)
        answers = [ledger.take(operation) for operation in operations]
        await unit.chats.add(ledger)
    return answers, [entry for _, entry in ledger.entries]


async def whole_chat(work: Work, user: User, request_id: int) -> Sequence[Message]:
    """All messages about a request, for a page."""
    found: list[Message] = []
    while True:
        _, page, _ = await show_chat(work, user, request_id, after=found[-1].seq if found else 0, limit=1000)
        found += page
        if not page:
            return found


async def show_chat(
    work: Work, user: User, request_id: int, *, after: int = 0, limit: int = 100
) -> tuple[int, Sequence[Message], Sequence[Mark]]:
    """The newest number, and after it was read, a page of messages and all marks."""
    async with work() as unit:
        visible(await unit.requests.find(request_id), user)
        last = await unit.chats.begin(request_id)
        messages = await unit.chats.messages(request_id, after, limit)
        marks = await unit.chats.marks([request_id])
    return last, messages, marks.get(request_id, ())
