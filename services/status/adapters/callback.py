"""The call back into the DMZ."""

import json
from datetime import UTC, datetime

import httpx

from services.journal import correlation_id
from services.journal.correlation import HEADER
from services.retry import Outcome
from services.settings import Secret
from services.signing import SigningKey
from services.status.domain.job import Order, Result
from services.transport import exchange


class HttpCallback:
    """PUT <url>/stocks/<pk>/put with the token, signed anew for each attempt; `webhook-id` is the job."""

    def __init__(self, client: httpx.AsyncClient, url: str, token: Secret, key: SigningKey) -> None:
        self._client = client
        self._url = url
        self._token = token
        self._key = key

    async def put(self, order: Order, result: Result) -> Outcome:
        body = json.dumps({"job": str(order.job), "request": order.request_id, "result": result.value})
        headers = {
            "Authorization": f"Bearer {self._token.reveal()}",
            HEADER: correlation_id(),
            **self._key.sign(str(order.job), body, datetime.now(UTC)),
        }
        return await exchange(
            self._client, "PUT", f"{self._url}/stocks/{order.stock_id}/put", body=body, headers=headers
        )
