"""Structured logs: one JSON object a line on standard output, for journald to collect."""

from services.journal.correlation import correlation_id, new_correlation_id, use_correlation_id
from services.journal.lines import configure

__all__ = ["configure", "correlation_id", "new_correlation_id", "use_correlation_id"]
