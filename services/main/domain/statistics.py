"""How many registered, day by day."""

from dataclasses import dataclass
from datetime import date, timedelta

from services.main.domain.errors import InvalidField

# Days that are shown unless others are asked for, and that are shown at most.
SHOWN = 30
MOST_SHOWN = 366


@dataclass(frozen=True, slots=True)
class Span:
    """Days from the first to the last, both included."""

    from_day: date
    to_day: date

    @classmethod
    def wanted(cls, from_day: date | None, to_day: date | None, today: date) -> "Span":
        """The days that are asked for: up to today unless said otherwise. Raises InvalidField."""
        last = to_day or today
        # The calendar begins in the year 1.
        first = from_day or last - min(timedelta(days=SHOWN - 1), last - date.min)
        if first > last:
            raise InvalidField("from_day", f"The first day comes after the last, {last}.")
        if (last - first).days >= MOST_SHOWN:
            raise InvalidField("from_day", f"At most {MOST_SHOWN} days are shown at once; the last is {last}.")
        return cls(first, last)


@dataclass(frozen=True, slots=True)
class DayCount:
    day: date
    registrations: int


@dataclass(frozen=True, slots=True)
class Registrations:
    """zone: whose days these are, a name of the tz database."""

    zone: str
    days: tuple[DayCount, ...]

    @property
    def total(self) -> int:
        return sum(each.registrations for each in self.days)
