"""How our services call each other."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from services.retry import Answered, Outcome, Unreachable

# Bytes of an answer's body that are read so that the connection can be used again; a longer one ends it.
MOST_OF_ANSWER = 65536
# Seconds for a whole call.
TIMEOUT = 8.0
# Seconds that an idle connection is kept: fewer than any of our servers does, or a call could meet a closing door.
KEPT = 4.0


@dataclass(frozen=True, slots=True)
class Client:
    """Calls over connections that are kept for the next call."""

    session: aiohttp.ClientSession

    async def exchange(self, method: str, url: str, *, body: str, headers: Mapping[str, str]) -> Outcome:
        """Send JSON once. An error on the way is an outcome, not an exception."""
        try:
            async with self.session.request(
                method,
                url,
                data=body.encode(),
                headers={**headers, "Content-Type": "application/json"},
                allow_redirects=False,
            ) as response:
                await response.content.read(MOST_OF_ANSWER)
                heard = response.headers
                return Answered(response.status, heard.get("Retry-After"), heard.get("Date"))
        except aiohttp.ClientConnectorError as error:
            return Unreachable(f"ConnectError: {error}"[:200])
        except (aiohttp.ClientError, TimeoutError) as error:
            # The kind alone: the text of some repeats headers, and with them the token.
            return Unreachable(type(error).__name__)

    async def abandon(self) -> None:
        """Cut all calls short, which makes them unreachable, and take no more.

        A cancelled call would say goodbye to a receiver that does not listen, for half a minute.
        """
        await self.session.close()


@asynccontextmanager
async def tls_client(ca: Path, concurrency: int) -> AsyncIterator[Client]:
    """A client that trusts our CA only, and takes no proxy from the environment: no call leaves by another door."""
    connector = aiohttp.TCPConnector(
        ssl=ssl.create_default_context(cafile=str(ca)), limit=concurrency, keepalive_timeout=KEPT, ttl_dns_cache=10
    )
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=TIMEOUT, sock_connect=3.0),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    ) as session:
        # By itself it would send a PUT again over a new connection, the very same signed message, which is refused as a
        # replay. Whether to send again is for us to decide, and it has no public setting.
        session._retry_connection = False
        yield Client(session)
