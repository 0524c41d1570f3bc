"""How far a call to a provider over HTTPS came, when it got no answer."""

import asyncio
import ssl
from contextlib import suppress

import pytest

from services.gateway.adapters import calls
from services.gateway.adapters.calls import Answer, caller
from services.gateway.domain.sending import Failed, Outcome, Unknown
from tests.services.certificates import Certificates


def called(certificates: Certificates, *, handshake: bool) -> Answer | Outcome:
    """What comes of a call to a server that never answers, and perhaps does not even shake hands."""
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(certificates.certificate, certificates.key)

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.sleep(30)
        writer.transport.abort()

    async def call() -> Answer | Outcome:
        listener = await asyncio.start_server(silent, "127.0.0.1", 0, ssl=own if handshake else None)
        async with listener, caller(ssl.create_default_context(cafile=str(certificates.ca)), 0.8) as found:
            return await found.post(f"https://localhost:{listener.sockets[0].getsockname()[1]}/", json={})

    return asyncio.run(call())


def test_a_call_that_has_left_and_is_not_answered_is_unknown(certificates: Certificates) -> None:
    assert isinstance(called(certificates, handshake=True), Unknown)


def test_nothing_has_left_before_the_handshake_is_done(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Telegram's messages would wait for a person, who had nothing to decide."""
    monkeypatch.setattr(calls, "CONNECT", 0.3)
    assert isinstance(called(certificates, handshake=False), Failed)
