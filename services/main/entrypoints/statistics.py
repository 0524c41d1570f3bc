"""Statistics, for moderators."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.main.domain import statistics as domain
from services.main.entrypoints.description import refusals
from services.main.entrypoints.guards import PartsOfApp, SignedIn
from services.main.entrypoints.shapes import Given
from services.main.use_cases.statistics import registrations

router = APIRouter(tags=["statistics"])


class SpanQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    from_day: date | None = Field(
        default=None, description="First day; without it, a month is shown", examples=["2026-11-01"]
    )
    to_day: date | None = Field(
        default=None, description="Last day, included; without it, today", examples=["2026-11-30"]
    )


class DayShape(Given):
    day: date = Field(examples=["2026-11-26"])
    registrations: int = Field(examples=[3])


class RegistrationsShape(Given):
    zone: str = Field(description="Whose days these are: a name of the tz database", examples=["UTC"])
    total: int = Field(description="Sum of the days shown", examples=[3])
    days: list[DayShape] = Field(description="Every day of the span, also those without registrations")

    @classmethod
    def of(cls, found: domain.Registrations) -> "RegistrationsShape":
        return cls(
            zone=found.zone,
            total=found.total,
            days=[DayShape(day=each.day, registrations=each.registrations) for each in found.days],
        )


@router.get("/statistics/registrations", responses=refusals(401, 403, 422))
async def get_registrations(
    parts: PartsOfApp, user: SignedIn, wanted: Annotated[SpanQuery, Query()]
) -> RegistrationsShape:
    """How many registered on each day, counted once each, a moment after it happened. At most 366 days at once."""
    return RegistrationsShape.of(
        await registrations(parts.work, user, wanted.from_day, wanted.to_day, parts.statistics_zone)
    )
