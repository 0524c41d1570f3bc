"""Attempts in PostgreSQL, for the sender."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID

from services.gateway.adapters.messages import Pool
from services.gateway.domain.message import Channel, Consignment, Content, State
from services.gateway.domain.sending import Again, Arrived, Dead, Held, Outcome, Verdict, is_strike, told
from services.postgres import UNAVAILABLE, Queries, storable

logger = logging.getLogger(__name__)

# Seconds between two tries to write an outcome down.
PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class Handover:
    """A message that is claimed for the broker. number: of the attempt that is to come; attempt: of the hand-over."""

    id: UUID
    channel: str
    recipient: str
    correlation_id: str
    number: int
    attempt: int
    late: float

    @property
    def key(self) -> str:
        return str(self.id)


class PostgresAttempts:
    """lease: seconds that an attempt may take; what has no outcome then counts as abandoned."""

    def __init__(self, pool: Pool, queries: Queries, lease: float) -> None:
        self._pool = pool
        self._queries = queries
        self._lease = lease

    async def begin(self, message: UUID, number: int) -> Consignment | None:
        arguments = {"id": message, "number": number, "lease_seconds": self._lease}
        async with self._pool.connection() as connection:
            row = await (await connection.execute(self._queries["begin_attempt"], arguments)).fetchone()
        return _consignment(row) if row else None

    async def end(self, consignment: Consignment, outcome: Outcome, verdict: Verdict) -> None:
        """Write it down. While the database is away, try again for half a lease: what is known must not become unknown.

        Raises what the database said when even that was in vain.
        """
        deadline = monotonic() + self._lease / 2
        while True:
            try:
                return await self._end(consignment, outcome, verdict)
            except UNAVAILABLE as error:
                if monotonic() > deadline:
                    raise
                fields = {"key": str(consignment.id), "error": type(error).__name__}
                logger.warning("outcome not written yet", extra=fields)
                await asyncio.sleep(PAUSE)

    async def abandoned(self) -> Sequence[Consignment]:
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(self._queries["find_abandoned"])).fetchall()
        return [_consignment(row) for row in rows]

    async def hand_over_again(self) -> int:
        """Have messages handed over again that the broker has had for too long: how many."""
        async with self._pool.connection() as connection:
            return (await connection.execute(self._queries["hand_over_again"])).rowcount

    async def set_rate(self, channel: Channel, per_second: float, burst: float) -> None:
        arguments = {"channel": channel.value, "per_second": per_second, "burst": burst}
        async with self._pool.connection() as connection:
            await connection.execute(self._queries["set_rate"], arguments)

    async def _end(self, consignment: Consignment, outcome: Outcome, verdict: Verdict) -> None:
        name, detail = told(outcome)
        state, after, pause, reason = _state(verdict)
        arguments = {
            "id": consignment.id,
            "number": consignment.attempt,
            "outcome": name,
            "detail": storable(detail),
            "state": state.value,
            "after": after,
            "pause": pause,
            "strike": int(is_strike(outcome)),
            "reason": storable(reason) if reason else None,
        }
        async with self._pool.connection() as connection:
            await connection.execute(self._queries["end_attempt"], arguments)


def _state(verdict: Verdict) -> tuple[State, float, float, str | None]:
    """(state, seconds until it is due again, seconds of quiet on the channel, reason)."""
    match verdict:
        case Arrived():
            return State.SENT, 0.0, 0.0, None
        case Again(after, reason, pause):
            return State.WAITING, after, pause, reason
        case Dead(reason):
            return State.DEAD, 0.0, 0.0, reason
        case Held(reason):
            return State.UNKNOWN, 0.0, 0.0, reason


def _consignment(row: tuple[Any, ...]) -> Consignment:
    message, accepted_at, channel, to, subject, text, attempt, strikes, correlation_id = row
    content = Content(Channel(channel), to, subject, text)
    return Consignment(message, accepted_at, content, attempt, strikes, correlation_id)
