"""The mail provider: submission (RFC 6409) with STARTTLS before all else, then AUTH, then mail."""

import asyncio
import ssl
from hmac import compare_digest

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from services.outside.faults import Channel, Deed, Fault, Faults
from services.outside.received import Received
from services.settings import Secret
from services.transport import CIPHERS, Listener

# Bytes of one mail.
MOST = 262_144


class Mailbox:
    """aiosmtpd's handler: whatever is authenticated is taken, for any address."""

    def __init__(self, received: Received, faults: Faults) -> None:
        self._received = received
        self._faults = faults

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        fault = self._faults.befall(Channel.MAIL, envelope.rcpt_tos[0])
        if fault is None or fault.taken:
            content = envelope.content or b""
            text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
            for recipient in envelope.rcpt_tos:
                self._received.keep(Channel.MAIL, recipient, text)
        if fault is None:
            return "250 OK"
        await self._faults.hold(fault)
        return self._answer(server, fault)

    @staticmethod
    def _answer(server: SMTP, fault: Fault) -> str:
        match fault.deed:
            case Deed.FAIL:
                return "451 4.3.0 Requested action aborted: local error in processing"
            case Deed.THROTTLE:
                return "450 4.7.1 Too many messages, slow down"
            case Deed.REFUSE:
                return "550 5.1.1 No such mailbox"
            case _:
                assert isinstance(server.transport, asyncio.Transport)
                server.transport.abort()
        return "421 4.4.2 Timeout"


class Authenticator:
    """Any user name, the one password."""

    def __init__(self, password: Secret) -> None:
        self._password = password.reveal().encode()

    def __call__(self, _: SMTP, __: Session, ___: Envelope, ____: str, given: LoginPassword) -> AuthResult:
        right = compare_digest(bytes(given.password), self._password)
        # Not "handled": aiosmtpd then gives the refusal itself.
        return AuthResult(success=right, handled=False)


async def open_submission(listener: Listener, password: Secret, received: Received, faults: Faults) -> asyncio.Server:
    assert listener.certificate is not None
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.set_ciphers(CIPHERS)
    tls.load_cert_chain(listener.certificate, listener.key)
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: SMTP(
            Mailbox(received, faults),
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
