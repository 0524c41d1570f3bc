"""What is measured. Names follow Prometheus's conventions: base units, and `_total` for counters."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_REQUESTS = Counter("sallyport_http_requests", "HTTP requests answered", ["method", "route", "status"])
_DURATION = Histogram(
    "sallyport_http_request_duration_seconds", "Time to answer", ["method", "route"], buckets=_SECONDS
)

_CALLS = Counter("sallyport_grpc_calls", "gRPC calls answered", ["method", "code"])
_CALL_DURATION = Histogram("sallyport_grpc_call_duration_seconds", "Time to answer", ["method"], buckets=_SECONDS)

ATTEMPTS = Counter("sallyport_queue_attempts", "Attempts to deliver, by what became of them", ["verdict"])
LATENESS = Histogram(
    "sallyport_queue_lateness_seconds",
    "How long after it was due a message was taken",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
MESSAGES = Counter(
    "sallyport_message_attempts", "Attempts to send a message, by what came of them", ["channel", "outcome"]
)
REFUSED = Counter("sallyport_queue_refused", "Messages turned away with 429, to come again", ["reason"])

CHAT_SOCKETS = Gauge("sallyport_chat_sockets", "Sockets of the chat that are open")
CHAT_ENTRIES = Counter("sallyport_chat_entries", "Entries written to chats", ["kind"])
CHAT_RESENT = Counter("sallyport_chat_resent", "Operations that came again and were there already")
CHAT_REFUSED = Counter("sallyport_chat_refused", "Messages of clients that were refused", ["code"])
CHAT_DELIVERED = Counter("sallyport_chat_deliveries", "Entries handed to sockets")
CHAT_HINTS_HEARD = Counter("sallyport_chat_hints_heard", "Hints that the broker brought, our own too")
CHAT_HINTS_LOST = Counter("sallyport_chat_hints_lost", "Hints to other processes that the broker did not take")

# What a client may make up is not taken for a label.
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


def observe_request(method: str, route: str | None, status: int, seconds: float) -> None:
    """Count one request. route: the pattern of the route, None where none matched."""
    method = method if method in _METHODS else "other"
    _REQUESTS.labels(method, route or "unmatched", str(status)).inc()
    _DURATION.labels(method, route or "unmatched").observe(seconds)


def observe_call(method: str, code: str, seconds: float) -> None:
    """Count one gRPC call. method: the full name of one that exists, e.g. `/package.Service/Method`."""
    _CALLS.labels(method, code).inc()
    _CALL_DURATION.labels(method).observe(seconds)


def set_queue(waiting: int, dead: int, oldest: float) -> None:
    """State of the queue; `oldest` in seconds."""
    for gauge, value in zip(_queue(), (waiting, dead, oldest), strict=True):
        gauge.set(value)


@cache
def _queue() -> tuple[Gauge, Gauge, Gauge]:
    """Made when first set: a process without a queue tells of none."""
    return (
        Gauge("sallyport_queue_waiting", "Messages that wait or are in flight"),
        Gauge("sallyport_queue_dead_letters", "Messages that wait for a person"),
        Gauge("sallyport_queue_oldest_seconds", "Age of the oldest message that waits"),
    )
