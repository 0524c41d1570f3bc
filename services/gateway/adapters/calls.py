"""Calls to providers over HTTPS: what was answered, or how far the call came."""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from services.gateway.domain.sending import Failed, Outcome, Unknown

MOST_OF_ANSWER = 65536
# Seconds to connect; the whole call ends with the attempt.
CONNECT = 3.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that came in whole. content: its JSON object; empty where it is none."""

    status: int
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    session: aiohttp.ClientSession

    async def post(self, url: str, **what: Any) -> Answer | Outcome:
        """Post once. A connection that did not come about has Failed; one that broke afterwards is Unknown.

        Reasons name the kind of error only: the text of some repeats the URL, and Telegram's holds the token.
        """
        try:
            async with self.session.post(url, allow_redirects=False, **what) as response:
                body = await response.content.read(MOST_OF_ANSWER)
                while chunk := await response.content.read(MOST_OF_ANSWER):
                    body += chunk
                    if len(body) > MOST_OF_ANSWER:
                        return Unknown("the answer has no end")
                return Answer(response.status, _object(body))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            cause = error.__cause__ or error
            return Failed(f"no connection: {type(cause).__name__}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Unknown(f"no answer: {type(error).__name__}")


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@asynccontextmanager
async def caller(tls: ssl.SSLContext, seconds: float) -> AsyncIterator[Caller]:
    """A caller with a new connection for each call, and without a proxy that the environment names.

    On a kept connection that the provider closes just then, nobody could tell whether the call had left.
    """
    connector = aiohttp.TCPConnector(ssl=tls, force_close=True, limit=100)
    timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    ) as session:
        # By itself it would send a call again when the connection breaks.
        session._retry_connection = False
        yield Caller(session)
