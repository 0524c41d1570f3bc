"""The call back into the DMZ."""

import json
from datetime import UTC, datetime

from services.journal import correlation_id
from services.journal.correlation import HEADER
from services.retry import Outcome
from services.settings import Secret
from services.signing import SigningKey
from services.status.domain.job import Report
from services.tracing import TraceContext
from services.tracing.context import HEADER as TRACE_HEADER
from services.transport import Client


class HttpCallback:
    """PUT <url>/stocks/<pk>/put with the token, signed anew for each attempt; `webhook-id` is the job."""

    def __init__(self, client: Client, url: str, token: Secret, key: SigningKey) -> None:
        self._client = client
        self._url = url
        self._token = token
        self._key = key

    async def put(self, report: Report, trace: TraceContext) -> Outcome:
        order = report.order
        fields: dict[str, object] = {
            "job": str(order.job),
            "request": order.request_id,
            "result": report.drawn.result.value,
        }
        if report.traced:
            # Our part of the request's timeline: it travels here, under the signature, so that no other flow is needed.
            # A main service that sends no trace is older, and would refuse fields that it does not know.
            fields |= {
                "received_at": report.received_at.isoformat() if report.received_at else None,
                "accepted_at": report.accepted_at.isoformat(),
                "drawn_at": report.drawn.at.isoformat(),
            }
        body = json.dumps(fields)
        headers = {
            "Authorization": f"Bearer {self._token.reveal()}",
            HEADER: correlation_id(),
            TRACE_HEADER: trace.traceparent,
            **self._key.sign(str(order.job), body, datetime.now(UTC)),
        }
        return await self._client.exchange(
            "PUT", f"{self._url}/stocks/{order.stock_id}/put", body=body, headers=headers
        )
