"""Traces: the header, the spans' ids, and what a collector gets."""

import gzip
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from time import monotonic

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.settings import Source
from services.tracing import Step, TraceContext, Tracing, read_collector

TRACE = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


def test_the_header_of_the_standard() -> None:
    assert TRACE.traceparent == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert TraceContext.parse(TRACE.traceparent) == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "x",
        TRACE.traceparent.upper(),
        f"00-{'0' * 32}-{'1' * 16}-01",
        f"00-{'1' * 32}-{'0' * 16}-01",
        "00-1-1-01",
    ],
)
def test_what_the_standard_forbids_is_no_trace(header: str | None) -> None:
    assert TraceContext.parse(header) is None


def test_steps_are_named_as_in_the_lecture() -> None:
    assert [step.title for step in Step] == [
        "1 form",
        "2 hand over",
        "3 accepted",
        "4 answered",
        "5 deferred action",
        "6 callback",
        "7 seen",
    ]


def test_a_retry_is_the_same_span_and_another_job_is_not() -> None:
    assert TRACE.step(Step.CALLBACK, "job") == TRACE.step(Step.CALLBACK, "job")
    assert TRACE.step(Step.CALLBACK, "job") != TRACE.step(Step.CALLBACK, "other")
    assert TRACE.step(Step.CALLBACK, "job") != TRACE.step(Step.SEEN, "job")


def test_a_collector_gets_the_steps_with_their_parents_and_times() -> None:
    got: list[ExportTraceServiceRequest] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            got.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        tracing = Tracing("relay", "tests", f"http://127.0.0.1:{server.server_port}/v1/traces")
        sent = tracing.record(Step.HAND_OVER, "job", TRACE, took=0.5, request_id="deed-0001")
        tracing.close()
        server.shutdown()
        thread.join()
    (span,) = [
        span for each in got for spans in each.resource_spans for scope in spans.scope_spans for span in scope.spans
    ]
    assert (span.name, span.trace_id.hex(), span.span_id.hex()) == ("2 hand over", TRACE.trace_id, sent.span_id)
    assert span.parent_span_id.hex() == TRACE.span_id
    assert span.end_time_unix_nano - span.start_time_unix_nano == pytest.approx(0.5e9, rel=0.01)


def test_a_collector_that_never_answers_does_not_hold_up_a_stop() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tracing = Tracing("relay", "tests", f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces")
        for number in range(600):
            tracing.record(Step.HAND_OVER, f"job {number}", TRACE)
        began = monotonic()
        tracing.close()
        assert monotonic() - began < 2


@pytest.mark.parametrize("url", ["http://otel1:4318/v1/traces", "ftp://x", "nonsense"])
def test_a_collector_that_is_not_on_this_host_needs_tls(url: str) -> None:
    source = Source({"SP_OTLP_ENDPOINT": url}, Path())
    read_collector(source)
    with pytest.raises(Exception, match="SP_OTLP_ENDPOINT"):
        source.complete()
