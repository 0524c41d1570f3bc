"""The mail provider: submission (RFC 6409) with STARTTLS before all else, then AUTH, then mail."""

import asyncio
import ssl
from hmac import compare_digest

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from services.outside.received import Received
from services.settings import Secret
from services.transport import CIPHERS, Listener

# Bytes of one mail.
MOST = 262_144


class Mailbox:
    """aiosmtpd's handler: whatever is authenticated is taken, for any address."""

    def __init__(self, received: Received) -> None:
        self._received = received

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content or b""
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
        for recipient in envelope.rcpt_tos:
            self._received.keep("mail", recipient, text)
        return "250 OK"


class Authenticator:
    """Any user name, the one password."""

    def __init__(self, password: Secret) -> None:
        self._password = password.reveal().encode()

    def __call__(self, _: SMTP, __: Session, ___: Envelope, ____: str, given: LoginPassword) -> AuthResult:
        right = compare_digest(bytes(given.password), self._password)
        # Not "handled": aiosmtpd then gives the refusal itself.
        return AuthResult(success=right, handled=False)


async def open_submission(listener: Listener, password: Secret, received: Received) -> asyncio.Server:
    assert listener.certificate is not None
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.set_ciphers(CIPHERS)
    tls.load_cert_chain(listener.certificate, listener.key)
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: SMTP(
            Mailbox(received),
            hostname="outside",
            ident="Sallyport lab",
            data_size_limit=MOST,
            tls_context=tls,
            require_starttls=True,
            auth_required=True,
            authenticator=Authenticator(password),
            timeout=30,
            loop=loop,
        ),
        listener.address,
        listener.port,
    )
