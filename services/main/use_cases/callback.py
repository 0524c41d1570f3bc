"""The async service reports a result."""

from datetime import datetime

from services.main.domain.errors import NoWaitingJob, Replayed
from services.main.domain.request import Report
from services.main.use_cases.ports import Work


async def take_result(work: Work, report: Report, message_id: str, signed_at: datetime) -> bool:
    """Set the result that an item waits for. True when it was set now, False when it was there already.

    The sender may have missed our first answer, so the same result, signed anew, is no error and changes nothing.
    The very same signed message is one (Replayed): our sender never sends it twice, so somebody else did.
    """
    async with work() as unit:
        if not await unit.receipts.keep(message_id, signed_at):
            raise Replayed
        if await unit.requests.set_result(report):
            return True
        known, result = await unit.requests.result_of(report)
        if known and result is report.result:
            return False
        raise NoWaitingJob
