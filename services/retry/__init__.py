"""What to do after an attempt: pure decisions about retries."""

from services.retry.backoff import Backoff
from services.retry.verdict import (
    Answered,
    Dead,
    Delivered,
    Outcome,
    Retry,
    Unreachable,
    Verdict,
    asked_wait,
    decide,
)

__all__ = [
    "Answered",
    "Backoff",
    "Dead",
    "Delivered",
    "Outcome",
    "Retry",
    "Unreachable",
    "Verdict",
    "asked_wait",
    "decide",
]
