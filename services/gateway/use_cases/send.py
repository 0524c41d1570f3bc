"""Sending a message, and settling what a sender left behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from uuid import UUID

from services.gateway.domain.message import Channel, Consignment
from services.gateway.domain.sending import Failed, Outcome, Policy, Unknown, Verdict, decide
from services.gateway.use_cases.ports import Attempts, Provider


@dataclass(frozen=True, slots=True)
class Means:
    """What sending takes."""

    attempts: Attempts
    providers: Mapping[Channel, Provider]
    policy: Policy
    random: Random


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of one attempt."""

    consignment: Consignment
    outcome: Outcome
    verdict: Verdict


async def send(means: Means, message: UUID, number: int) -> Settled | None:
    """Make attempt `number`, unless it was made before; None then."""
    consignment = await means.attempts.begin(message, number)
    if consignment is None:
        return None
    provider = means.providers.get(consignment.content.channel)
    outcome = await provider.send(consignment) if provider else Failed("the channel is not set up here")
    return await _settle(means, consignment, outcome)


async def settle_abandoned(means: Means) -> list[Settled]:
    """Settle attempts whose sender is gone. Whether their message left is unknown, and is not guessed."""
    outcome = Unknown("the sender ended before it had written down what came of it")
    return [await _settle(means, consignment, outcome) for consignment in await means.attempts.abandoned()]


async def _settle(means: Means, consignment: Consignment, outcome: Outcome) -> Settled:
    verdict = decide(outcome, consignment.content.channel, consignment.strikes, means.policy, means.random)
    await means.attempts.end(consignment, outcome, verdict)
    return Settled(consignment, outcome, verdict)
