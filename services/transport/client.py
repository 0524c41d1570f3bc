"""How our services call each other."""

import ssl
from collections.abc import Mapping
from pathlib import Path

import httpx

from services.retry import Answered, Outcome, Unreachable


def tls_client(ca: Path, concurrency: int) -> httpx.AsyncClient:
    """A client that trusts our CA only, and takes no proxy from the environment: no call leaves by another door."""
    return httpx.AsyncClient(
        verify=ssl.create_default_context(cafile=str(ca)),
        timeout=httpx.Timeout(8.0, connect=3.0),
        limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency, keepalive_expiry=30.0),
        follow_redirects=False,
        trust_env=False,
    )


async def exchange(
    client: httpx.AsyncClient, method: str, url: str, *, body: str, headers: Mapping[str, str]
) -> Outcome:
    """Send JSON once. An error on the way is an outcome, not an exception."""
    try:
        response = await client.request(
            method, url, content=body, headers={**headers, "Content-Type": "application/json"}
        )
    except httpx.ConnectError as error:
        return Unreachable(f"ConnectError: {error}"[:200])
    except httpx.TransportError as error:
        # The kind alone: the text of some repeats headers, and with them the token.
        return Unreachable(type(error).__name__)
    return Answered(response.status_code, response.headers.get("Retry-After"))
