"""Where the metrics are read: http://127.0.0.1:<port>/metrics, for the host itself and whoever is logged in there."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import start_http_server

from services.settings import Source


def read_port(source: Source) -> int:
    """SP_METRICS_PORT: a port on the loopback interface; 0, the default, for none."""
    return int(source.number("SP_METRICS_PORT", 0, least=0, most=65535))


@contextmanager
def serve(port: int) -> Iterator[None]:
    """Serve the metrics of this process while the block runs, from a thread of its own; not at all on port 0."""
    if not port:
        yield
        return
    server, thread = start_http_server(port, addr="127.0.0.1")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
