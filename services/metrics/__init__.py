"""Prometheus metrics of one process, served on the loopback interface only.

What is counted has few and fixed labels: routes by their pattern, never a path, an id or a name of a user.
"""

from services.metrics.broker import GroupMetrics
from services.metrics.exposition import read_port, serve
from services.metrics.measures import (
    ATTEMPTS,
    CHAT_DELIVERED,
    CHAT_ENTRIES,
    CHAT_HINTS_HEARD,
    CHAT_HINTS_LOST,
    CHAT_REFUSED,
    CHAT_RESENT,
    CHAT_SOCKETS,
    LATENESS,
    MESSAGES,
    REFUSED,
    observe_call,
    observe_request,
    set_queue,
)
from services.metrics.pool import watch_pool

__all__ = [
    "ATTEMPTS",
    "CHAT_DELIVERED",
    "CHAT_ENTRIES",
    "CHAT_HINTS_HEARD",
    "CHAT_HINTS_LOST",
    "CHAT_REFUSED",
    "CHAT_RESENT",
    "CHAT_SOCKETS",
    "LATENESS",
    "MESSAGES",
    "REFUSED",
    "GroupMetrics",
    "observe_call",
    "observe_request",
    "read_port",
    "serve",
    "set_queue",
    "watch_pool",
]
