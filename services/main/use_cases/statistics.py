"""What a moderator may know of all."""

from datetime import date

from services.main.domain.statistics import Registrations, Span
from services.main.domain.user import User
from services.main.use_cases.ports import Work


async def registrations(work: Work, user: User, from_day: date | None, to_day: date | None, zone: str) -> Registrations:
    """Registrations day by day, as days go in the zone. Raises ModeratorsOnly, InvalidField."""
    user.must_be_moderator()
    async with work() as unit:
        span = Span.wanted(from_day, to_day, await unit.statistics.today(zone))
        return Registrations(zone, tuple(await unit.statistics.registrations(span, zone)))
