"""Which trace something belongs to (W3C Trace Context, https://www.w3.org/TR/trace-context/)."""

import re
import secrets
from dataclasses import dataclass
from hashlib import blake2b

from services.tracing.step import Step

HEADER = "traceparent"

_VERSION_00 = re.compile(r"00-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A trace, and the span in it that is the parent of what comes next; both in hexadecimal."""

    trace_id: str
    span_id: str

    @classmethod
    def new(cls) -> "TraceContext":
        return cls(secrets.token_hex(16), secrets.token_hex(8))

    @classmethod
    def parse(cls, traceparent: str | None) -> "TraceContext | None":
        """From the header; None where there is none, or none that the standard allows."""
        found = _VERSION_00.fullmatch(traceparent or "")
        if not found or not int(found["trace"], 16) or not int(found["span"], 16):
            return None
        return cls(found["trace"], found["span"])

    @property
    def traceparent(self) -> str:
        """The header's value. Every span is sampled: there is one in a few milliseconds at most."""
        return f"00-{self.trace_id}-{self.span_id}-01"

    def step(self, step: Step, subject: str) -> "TraceContext":
        """The span of a step of `subject` (a job, or a request). It follows from these, so a retry is the same span."""
        span = blake2b(f"{self.trace_id}:{subject}:{step.value}".encode(), digest_size=8).hexdigest()
        return TraceContext(self.trace_id, span)
