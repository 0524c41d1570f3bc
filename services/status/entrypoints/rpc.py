"""StatusService over gRPC (services/hand_over/status.proto)."""

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from time import monotonic
from typing import Any, cast
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from grpc import aio

from services.hand_over import status_pb2
from services.hand_over.status_pb2_grpc import StatusServiceServicer, add_StatusServiceServicer_to_server
from services.postgres import UNAVAILABLE
from services.problem import Problem
from services.rpc import Context, Envelope, Offer, Peers, metadata_of
from services.status.domain.job import Stage
from services.status.entrypoints.taking import SetStatus, take
from services.status.wiring import Parts
from services.tracing.context import HEADER

NAME: str = status_pb2.DESCRIPTOR.services_by_name["StatusService"].full_name

_STATES = {
    Stage.WAITING: status_pb2.STATE_WAITING,
    Stage.DRAWN: status_pb2.STATE_DRAWN,
    Stage.DELIVERED: status_pb2.STATE_DELIVERED,
    Stage.DEAD: status_pb2.STATE_DEAD,
}


class StatusService(StatusServiceServicer):
    """The same use cases as over HTTP."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def SetStatus(  # noqa: N802 - the method's name
        self, request: status_pb2.SetStatusRequest, context: Context
    ) -> status_pb2.SetStatusResponse:
        began = monotonic()
        asked = SetStatus.of(fields_of(request))
        job = await take(self._parts, asked, metadata_of(context, HEADER), began)
        return status_pb2.SetStatusResponse(job=str(job))

    async def Watch(  # noqa: N802 - the method's name
        self,
        request: status_pb2.WatchRequest,
        context: Context,  # noqa: ARG002 - the method's form
    ) -> AsyncIterator[status_pb2.WatchResponse]:
        try:
            job = UUID(request.job)
        except ValueError:
            errors = [{"at": "job", "message": "Input should be a valid UUID"}]
            raise Problem(422, "invalid-fields", members={"errors": errors}) from None
        async with aclosing(self._parts.watching.follow(job)) as states:
            async for progress in states:
                yield status_pb2.WatchResponse(
                    state=_STATES[progress.stage], result=progress.result or "", attempts=progress.attempts
                )


def offer(parts: Parts, callers: frozenset[str], *, reflection: bool) -> Offer:
    """callers: the names of the hosts that may call, each with the token besides."""
    peers = Peers(callers)
    token = parts.set_status_token
    assert token is not None

    def guard(context: Context) -> None:
        peers.check(context)
        if not token.accepts(metadata_of(context, "authorization")):
            raise Problem(401, "token-refused")

    def add(server: aio.Server) -> None:
        add_StatusServiceServicer_to_server(StatusService(parts), server)

    return Offer([NAME], add, Envelope({NAME: guard}, UNAVAILABLE), parts.ready, reflection)


def fields_of(message: Message) -> dict[str, Any]:
    """What is set. One that we do not know is told by its number: it may mean something that we would not do."""
    known = {field.name: value for field, value in message.ListFields()}
    return known | {str(field.field_number): None for field in cast(Iterable[Any], UnknownFieldSet(message))}
