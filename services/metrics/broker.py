"""What a consumer tells of its group's place in a topic. Both are few and fixed (services.broker.topology)."""

from prometheus_client import Counter, Gauge, Histogram

_GROUP = ["topic", "group"]

_WAITING = Gauge("sallyport_broker_waiting", "Events that the group has not settled", _GROUP)
_DEAD = Gauge("sallyport_broker_dead_letters", "Events of the group that wait for a person", _GROUP)
_OLDEST = Gauge("sallyport_broker_oldest_seconds", "Age of the oldest event in the consumer's hands", _GROUP)
_CONNECTED = Gauge("sallyport_broker_connected", "Whether the consumer holds a subscription", _GROUP)
_ATTEMPTS = Counter(
    "sallyport_broker_attempts", "Attempts to handle an event, by what became of it", [*_GROUP, "verdict"]
)
_LATENESS = Histogram(
    "sallyport_broker_lateness_seconds",
    "How long after it happened an event was settled",
    _GROUP,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)


class GroupMetrics:
    """The metrics of one consumer."""

    def __init__(self, topic: str, group: str) -> None:
        self._labels = (topic, group)
        _CONNECTED.labels(topic, group).set(0)

    def connected(self, yes: bool) -> None:
        _CONNECTED.labels(*self._labels).set(yes)

    def backlog(self, waiting: int, dead: int, oldest: float) -> None:
        """State of the group's queue; `oldest` in seconds."""
        _WAITING.labels(*self._labels).set(waiting)
        _DEAD.labels(*self._labels).set(dead)
        _OLDEST.labels(*self._labels).set(oldest)

    def attempt(self, verdict: str) -> None:
        """handled, retry (a failure, or a database that is away), or dead."""
        _ATTEMPTS.labels(*self._labels, verdict).inc()

    def settled(self, late: float) -> None:
        """`late`: seconds between the deed and the end of its handling."""
        _LATENESS.labels(*self._labels).observe(max(late, 0.0))
