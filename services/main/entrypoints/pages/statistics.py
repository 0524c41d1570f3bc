"""Registrations day by day, for moderators: the table says all, the chart shows it."""

from datetime import UTC, datetime, time

from fastapi import APIRouter
from starlette.responses import Response

from services.main.domain.errors import InvalidField
from services.main.domain.statistics import MOST_SHOWN
from services.main.entrypoints.guards import SignedIn
from services.main.entrypoints.pages import chart
from services.main.entrypoints.pages.fields import Filled, read_fields
from services.main.entrypoints.pages.frame import Asked, page
from services.main.entrypoints.pages.wording import N_
from services.main.entrypoints.statistics import SpanQuery
from services.main.use_cases.statistics import registrations

router = APIRouter()

_FIELDS = ("from_day", "to_day")
_SPAN = N_("The first day comes before the last, and at most %(days)s days are shown.")


@router.get("/pages/statistics")
async def statistics_page(frame: Asked, user: SignedIn) -> Response:
    asked = frame.request.query_params
    values = {name: text for name in _FIELDS if (text := asked.get(name))}
    query, faults = read_fields(SpanQuery, values)
    work, zone = frame.parts.work, frame.parts.statistics_zone
    try:
        wanted = query or SpanQuery()
        found = await registrations(work, user, wanted.from_day, wanted.to_day, zone)
    except InvalidField as error:
        faults = {error.at: _SPAN}
        found = await registrations(work, user, None, None, zone)
    days = [(datetime.combine(each.day, time(), UTC), each.registrations) for each in found.days]
    return await page(
        frame,
        "statistics.html",
        422 if faults else 200,
        days=days,
        found=found,
        bars=chart.bars([count for _, count in days]),
        chart=chart,
        form=Filled(values, {name: frame.language.say(text, days=MOST_SHOWN) for name, text in faults.items()}),
    )
