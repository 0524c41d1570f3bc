"""What main and the async service agree on: how a job is handed over, by each of the ways.

`status.proto` says it for gRPC (status_pb2*.py* are written from it), `event.py` for the broker. Over HTTP it is the
JSON body of `POST /set-status/`, whose fields are those of the message.
"""

from services.hand_over.way import Way, read_way

__all__ = ["Way", "read_way"]
