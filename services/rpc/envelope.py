"""The outermost layer around each call: its id, its guard, its line in the log, and the last resort."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from time import perf_counter
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc import StatusCode, aio
from grpc.aio import ServicerContext

from services import metrics
from services.journal import new_correlation_id, use_correlation_id
from services.journal.correlation import HEADER
from services.problem import Problem
from services.problem.handlers import unavailable
from services.rpc.status import status_of

logger = logging.getLogger("services.request")

Context = ServicerContext[Any, Any]
Guard = Callable[[Context], None]


class Envelope(aio.ServerInterceptor):
    """What the HTTP services' envelope, guards and handlers of problems do, for gRPC.

    guards: by the full name of a service, what each call must pass before its message is even decoded. unavailable:
    errors that mean "not now".
    """

    def __init__(self, guards: Mapping[str, Guard], unavailable: tuple[type[Exception], ...]) -> None:
        self._guards = guards
        self._unavailable = unavailable

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        handler = await continuation(handler_call_details)
        # None: there is no such method, which the library answers.
        if handler is None or handler.request_streaming:
            return handler
        route = handler_call_details.method
        guard = self._guards.get(route.split("/")[1])
        decode = handler.request_deserializer
        # Typed for servers with threads; an asynchronous one gives them its own context and awaits them.
        answer_one: Any = handler.unary_unary
        answer_many: Any = handler.unary_stream

        async def unary(message: bytes, context: Context) -> object:
            async with self._call(route, guard, context):
                return await answer_one(_decoded(decode, message), context)

        async def stream(message: bytes, context: Context) -> None:
            async with self._call(route, guard, context):
                answers = answer_many(_decoded(decode, message), context)
                if isinstance(answers, AsyncGenerator):
                    # Closed when the caller leaves, not when somebody collects the garbage.
                    async with aclosing(answers):
                        async for answer in answers:
                            await context.write(answer)
                else:
                    await answers

        # Without a deserializer the message comes as bytes: a guard is passed before it is looked at.
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(stream, response_serializer=handler.response_serializer)
        return grpc.unary_unary_rpc_method_handler(unary, response_serializer=handler.response_serializer)

    @asynccontextmanager
    async def _call(self, route: str, guard: Guard | None, context: Context) -> AsyncIterator[None]:
        began = perf_counter()
        found = new_correlation_id(metadata_of(context, HEADER))
        # Whoever leaves, or whose time is up, has the handler cancelled.
        code = StatusCode.CANCELLED
        with use_correlation_id(found):
            try:
                context.set_trailing_metadata(((HEADER.lower(), found),))
                if guard:
                    guard(context)
                yield
                code = StatusCode.OK
            except Exception as error:
                status = status_of(self._problem(error))
                code = status.code
                trailing = (*status.trailing_metadata, (HEADER.lower(), found))
                await context.abort(status.code, status.details, trailing)
            finally:
                seconds = perf_counter() - began
                metrics.observe_call(route, code.name, seconds)
                fields = {"method": "gRPC", "route": route, "status": code.name, "elapsed_ms": round(seconds * 1e3, 1)}
                health = route.startswith("/grpc.health.")
                logger.log(logging.DEBUG if health else logging.INFO, "request", extra=fields)

    def _problem(self, error: Exception) -> Problem:
        if isinstance(error, Problem):
            return error
        if isinstance(error, self._unavailable):
            return unavailable()
        logger.error("unexpected error", exc_info=error)
        return Problem(500, detail="The error is in the log, under this request id.")


def metadata_of(context: Context, name: str) -> str:
    """The first value under a name, empty where there is none. Names are lower case (HTTP/2)."""
    for key, value in context.invocation_metadata() or ():
        if key == name.lower() and isinstance(value, str):
            return value
    return ""


def _decoded(decode: Callable[[bytes], Any] | None, message: bytes) -> Any:
    assert decode is not None
    try:
        return decode(message)
    except DecodeError:
        raise Problem(400, "not-protobuf", "The message is none of this method's.") from None
