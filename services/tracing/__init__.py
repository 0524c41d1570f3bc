"""Traces: the lecture's seven steps of a deferred action, under one trace from the form to the eye.

W3C Trace Context carries the trace from service to service. Each step's times are kept in the database by whoever did
it, for the timeline page; where an OpenTelemetry collector is set, the same steps go there as spans.
"""

from services.tracing.context import TraceContext
from services.tracing.export import Tracing, read_collector
from services.tracing.step import Step

__all__ = ["Step", "TraceContext", "Tracing", "read_collector"]
