"""The callback: the only door from the private networks into the DMZ.

Four guards stand before a result, and each would do without the others: the firewall (only the worker's address),
nginx (own listener, exact path, PUT, token), here the token and the signature, and in the database the job that waits.
"""

import logging
from time import monotonic

from fastapi import APIRouter, Depends
from starlette.requests import Request

from services.journal import correlation_id
from services.main.domain.errors import NoWaitingJob
from services.main.domain.request import Report
from services.main.entrypoints.description import refusals
from services.main.entrypoints.guards import PartsOfApp
from services.main.entrypoints.shapes import CallbackAnswer, CallbackReport, Id
from services.main.use_cases.callback import Delivery
from services.problem import Problem
from services.signing import BadSignature
from services.tracing import Step, TraceContext
from services.tracing.context import HEADER
from services.transport import read_json, request_body

logger = logging.getLogger(__name__)

# Bytes. A report is far smaller, and nginx takes no more either.
MOST = 4096


async def callback_token(request: Request, parts: PartsOfApp) -> None:
    parts.callback_token.check(request)


# As a dependency the token is looked at before anything else of the call.
router = APIRouter(tags=["callback"], dependencies=[Depends(callback_token)])


@router.put("/stocks/{stock_id}/put", responses=refusals(401, 409), openapi_extra=request_body(CallbackReport))
async def put_result(request: Request, parts: PartsOfApp, stock_id: Id) -> CallbackAnswer:
    """Report a deferred result.

    Needs `Authorization: Bearer <callback token>` and the three headers of Standard Webhooks; `webhook-id` is the job.
    401: token or signature refused. 409 `replayed`: this signed message was taken before. 409 `no-waiting-job`: no
    item of that stock and request waits for this job. 200 with `applied: false`: the same result is there already.
    """
    began = monotonic()
    body = await request.body()
    if len(body) > MOST:
        raise Problem(413, detail=f"At most {MOST} bytes are taken.")
    try:
        signed = parts.signing_key.verify(body, request.headers)
    except BadSignature as error:
        logger.warning("signature refused", extra={"reason": str(error)})
        raise Problem(401, "signature-refused", str(error), headers={"WWW-Authenticate": "Bearer"}) from None
    report = await read_json(request, CallbackReport)
    if signed.message_id != str(report.job):
        raise Problem(401, "signature-refused", "webhook-id is not the job", headers={"WWW-Authenticate": "Bearer"})
    if report.request is None:
        # A job that no request handed over: its result has no place here.
        raise NoWaitingJob
    answer = await parts.results.ask(
        Delivery(
            Report(
                report.job,
                stock_id,
                report.request,
                report.result,
                report.received_at,
                report.accepted_at,
                report.drawn_at,
            ),
            signed.message_id,
            signed.signed_at,
        )
    )
    if isinstance(answer, Exception):
        raise answer
    if answer:
        trace = TraceContext.parse(request.headers.get(HEADER))
        parts.tracing.record(
            Step.CALLBACK, str(report.job), trace, took=monotonic() - began, request_id=correlation_id()
        )
    logger.info("result taken", extra={"job": str(report.job), "applied": answer})
    return CallbackAnswer(job=report.job, applied=answer)
