"""Steps as OpenTelemetry spans, sent to a collector where one is set."""

import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from services.settings import Source
from services.tracing.context import TraceContext
from services.tracing.step import Step

# Seconds that a stop waits for a collector.
LAST_WORDS = 1.0

_KINDS = {
    Step.FORM: SpanKind.SERVER,
    Step.HAND_OVER: SpanKind.CLIENT,
    Step.ACCEPTED: SpanKind.SERVER,
    Step.CALLBACK: SpanKind.SERVER,
}


def read_collector(source: Source) -> str:
    """SP_OTLP_ENDPOINT: the URL of a collector's OTLP/HTTP traces, e.g. `https://otel1:4318/v1/traces`; or empty."""
    text = source.text("SP_OTLP_ENDPOINT", "")
    parts = urlsplit(text)
    local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if text and (not parts.hostname or parts.scheme not in ({"http", "https"} if local else {"https"})):
        source.fault(f"SP_OTLP_ENDPOINT: {text!r} is not like https://host:4318/v1/traces (http only for localhost)")
    return text


class Tracing:
    """Records steps. Without a collector it only tells which span a step is."""

    def __init__(self, service: str, environment: str, collector: str, ca: Path | None = None) -> None:
        self._processor: BatchSpanProcessor | None = None
        if collector:
            self._resource = Resource.create({"service.name": service, "deployment.environment.name": environment})
            exporter = OTLPSpanExporter(
                endpoint=collector,
                timeout=5,
                certificate_file=str(ca) if ca and collector.startswith("https") else None,
            )
            self._processor = BatchSpanProcessor(exporter)

    def record(
        self,
        step: Step,
        subject: str,
        parent: TraceContext | None,
        *,
        took: float = 0.0,
        ago: float = 0.0,
        **attributes: str | int,
    ) -> TraceContext:
        """A step of `subject` that ended `ago` seconds ago and took `took`. Its span, to be the parent of the next.

        Without a parent a new trace begins.
        """
        span = (parent or TraceContext.new()).step(step, subject)
        if self._processor:
            ended = time.time() - ago
            self._processor.on_end(
                ReadableSpan(
                    step.title,
                    context=_context(span),
                    parent=_context(parent) if parent else None,
                    resource=self._resource,
                    attributes=attributes,
                    kind=_KINDS.get(step, SpanKind.INTERNAL),
                    start_time=int((ended - took) * 1e9),
                    end_time=int(ended * 1e9),
                )
            )
        return span

    def close(self) -> None:
        """Send what is left, for a second at most."""
        if self._processor:
            # A shutdown sends everything, and heeds no time-out of ours: a stop does not wait for its end.
            closing = threading.Thread(target=self._processor.shutdown, daemon=True)
            closing.start()
            closing.join(LAST_WORDS)


def _context(trace: TraceContext) -> SpanContext:
    return SpanContext(
        int(trace.trace_id, 16), int(trace.span_id, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
