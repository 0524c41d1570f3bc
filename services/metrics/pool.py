"""The database pool, read when somebody asks."""

from collections.abc import Iterable
from typing import Any

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from psycopg_pool import AsyncConnectionPool

_MEASURES = {
    "pool_size": ("sallyport_database_pool_connections", "Connections that are open"),
    "pool_available": ("sallyport_database_pool_idle", "Connections that nobody uses"),
    "requests_waiting": ("sallyport_database_pool_waiting", "Callers that wait for a connection"),
}


class _PoolCollector(Collector):
    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    def collect(self) -> Iterable[GaugeMetricFamily]:
        found = self._pool.get_stats()
        for key, (name, help_text) in _MEASURES.items():
            yield GaugeMetricFamily(name, help_text, value=found.get(key, 0))


def watch_pool(pool: AsyncConnectionPool[Any]) -> None:
    """Have the metrics of this process tell of `pool`. Once a process."""
    REGISTRY.register(_PoolCollector(pool))
