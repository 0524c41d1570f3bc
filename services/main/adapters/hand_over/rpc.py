"""StatusService.SetStatus over gRPC."""

import asyncio
from collections.abc import Mapping
from typing import Any

from grpc import aio

from services.hand_over import status_pb2
from services.hand_over.status_pb2_grpc import StatusServiceStub
from services.journal.correlation import HEADER
from services.main.adapters.outbox import OutboxMessage
from services.retry import Dead, Delivered, Outcome, Unreachable
from services.rpc import outcome_of
from services.settings import Secret
from services.tracing.context import HEADER as TRACE_HEADER
from services.transport.client import TIMEOUT

_KINDS: Mapping[str, type] = {"pk": int, "job": str, "request": int}


class GrpcHandOver:
    def __init__(self, channel: aio.Channel, token: Secret) -> None:
        self._channel = channel
        self._stub = StatusServiceStub(channel)
        # Sent as metadata: a channel of ours is never without TLS.
        self._token = f"Bearer {token.reveal()}"
        self._abandoned = False

    async def send(self, message: OutboxMessage, traceparent: str) -> Outcome:
        try:
            request = request_of(message.payload)
        except ValueError as error:
            return Dead(str(error))
        metadata = (
            ("authorization", self._token),
            (HEADER.lower(), message.correlation_id),
            (TRACE_HEADER, traceparent),
        )
        try:
            await self._stub.SetStatus(request, timeout=TIMEOUT, metadata=metadata)
        except aio.AioRpcError as error:
            return outcome_of(error)
        except asyncio.CancelledError:
            # A channel that is closed cancels its calls; that is no wish to cancel this task.
            task = asyncio.current_task()
            if not self._abandoned or (task and task.cancelling()):
                raise
            return Unreachable("abandoned")
        return Delivered()

    async def abandon(self) -> None:
        self._abandoned = True
        await self._channel.close()


def request_of(payload: Mapping[str, Any]) -> status_pb2.SetStatusRequest:
    """The message of a payload. Raises ValueError where the message has no place for a field or its value."""
    request = status_pb2.SetStatusRequest()
    for name, value in payload.items():
        if name not in _KINDS:
            raise ValueError(f"SetStatusRequest has no field {name!r}")
        if value is None:
            continue
        # A bool is an int to Python, and a float to protobuf perhaps.
        if type(value) is not _KINDS[name]:
            raise ValueError(f"SetStatusRequest.{name} takes no {type(value).__name__}")
        try:
            setattr(request, name, value)
        except ValueError:
            raise ValueError(f"SetStatusRequest.{name} does not take this value") from None
    return request
