"""What happened to a request, told to those who may see it."""

from services.main.domain.request import Request
from services.main.domain.timeline import Timeline
from services.main.domain.user import User
from services.main.use_cases.drafting import show_request
from services.main.use_cases.ports import Work


async def show_timeline(work: Work, user: User, request_id: int) -> Timeline:
    request = await show_request(work, user, request_id)
    async with work() as unit:
        return Timeline(request.id, await unit.timeline.of_request(request.id))


async def note_seen(work: Work, user: User, request: Request) -> None:
    """The request was shown to `user`. Its last step: the creator has seen a result, for the first time."""
    if user.id == request.creator_id and any(item.result for item in request.items):
        async with work() as unit:
            await unit.timeline.keep_seen(request.id)
