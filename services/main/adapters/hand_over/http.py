"""POST /set-status/ over HTTPS."""

import json

from services.journal.correlation import HEADER
from services.main.adapters.outbox import OutboxMessage
from services.retry import Outcome
from services.settings import Secret
from services.tracing.context import HEADER as TRACE_HEADER
from services.transport import Client


class HttpHandOver:
    def __init__(self, client: Client, url: str, token: Secret) -> None:
        self._client = client
        self._url = f"{url}/set-status/"
        self._headers = {"Authorization": f"Bearer {token.reveal()}"}

    async def send(self, message: OutboxMessage, traceparent: str) -> Outcome:
        headers = self._headers | {HEADER: message.correlation_id, TRACE_HEADER: traceparent}
        return await self._client.exchange("POST", self._url, body=json.dumps(message.payload), headers=headers)

    async def abandon(self) -> None:
        await self._client.abandon()
