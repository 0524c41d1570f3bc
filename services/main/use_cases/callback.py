"""The async service reports results."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.main.domain.errors import NoWaitingJob, Replayed
from services.main.domain.request import Report
from services.main.use_cases.ports import Unit, Work


@dataclass(frozen=True, slots=True)
class Delivery:
    """A report, and the signed message that brought it."""

    report: Report
    message_id: str
    signed_at: datetime


async def take_results(work: Work, deliveries: Sequence[Delivery]) -> Sequence[bool | Exception]:
    """Set the results that items wait for, all in one transaction, and say of each delivery what became of it.

    True when the result was set now, False when it was there already: the sender may have missed our first answer, so
    the same result, signed anew, is no error and changes nothing. The very same signed message is one (Replayed): our
    sender never sends it twice, so somebody else did. NoWaitingJob: no item waits for that job; the message is not used
    up. None of these harms the others.
    """
    async with work() as unit:
        fresh = await unit.receipts.keep([(each.message_id, each.signed_at) for each in deliveries])
        reports = {
            each.report.job: each.report
            for each, is_fresh in zip(reversed(deliveries), reversed(fresh), strict=True)
            if is_fresh
        }
        applied = await unit.requests.set_results(list(reports.values()))
        await unit.timeline.keep_reports([reports[job] for job in applied])
        answers: list[bool | Exception] = []
        refused: list[tuple[str, datetime]] = []
        for each, is_fresh in zip(deliveries, fresh, strict=True):
            if not is_fresh:
                answers.append(Replayed())
            elif each.report.job in applied and reports[each.report.job] is each.report:
                answers.append(True)
            else:
                answers.append(await _late(unit, each.report))
                if isinstance(answers[-1], NoWaitingJob):
                    refused.append((each.message_id, each.signed_at))
        if refused:
            await unit.receipts.drop(refused)
    return answers


async def _late(unit: Unit, report: Report) -> bool | Exception:
    """What to say to a report that nothing waits for."""
    known, result = await unit.requests.result_of(report)
    return False if known and result is report.result else NoWaitingJob()
