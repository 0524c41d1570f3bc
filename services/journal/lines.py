"""Log records as JSON lines. Only named fields get in: no headers, bodies or query strings, hence no secrets."""

import json
import logging
import sys
from datetime import UTC, datetime

from services.journal.correlation import correlation_id

# Once, for json.dumps would make one for each line.
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; what `extra=` gave becomes fields of their own."""

    def __init__(self, service: str, environment: str) -> None:
        super().__init__()
        self._fixed = {"service": service, "environment": environment}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **self._fixed,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if found := correlation_id():
            line["request_id"] = found
        line.update((key, value) for key, value in vars(record).items() if key not in _STANDARD)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _ENCODER.encode(line)


def _is_no_refused_socket(record: logging.LogRecord) -> bool:
    """Uvicorn calls it an error when a WebSocket is answered with a refusal, as ASGI allows."""
    return record.msg != "ASGI callable returned without completing handshake."


def configure(service: str, environment: str) -> None:
    """Send all logs of this process to standard output as JSON lines."""
    # What no line says need not be found out for each (https://docs.python.org/3/howto/logging.html#optimization).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(service, environment))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("uvicorn.error").addFilter(_is_no_refused_socket)
    # Our own line per request replaces uvicorn's, which holds raw paths; httpx would add one per call.
    for name in ("uvicorn.access", "httpx", "httpcore", "mail.log"):
        logging.getLogger(name).setLevel(logging.WARNING)
