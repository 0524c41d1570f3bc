"""E-mail: submission (RFC 6409) over STARTTLS with a certificate that is checked, then AUTH."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime

import aiosmtplib

from services.gateway.domain.message import Consignment
from services.gateway.domain.sending import Failed, Outcome, Refused, Sent, Unknown
from services.settings import Secret

# Seconds for one step of the conversation. The answer after the text may take longer than all before it.
STEP = 3.0
# Parts of an attempt's time by which the text must be on its way, and answered; and that the goodbye may take. Were it
# all one, it could be up before the text has left, or after it was taken, and what is known would be told as unknown.
LEAVING, ANSWERED, GOODBYE = 0.5, 0.9, 0.05


@dataclass(frozen=True, slots=True)
class Submission:
    """Where mail is handed in. sender: the address of all our mail."""

    host: str
    port: int
    user: str
    password: Secret
    sender: str


class MailProvider:
    """One connection for each mail. seconds: for the whole attempt."""

    def __init__(self, submission: Submission, tls: ssl.SSLContext, seconds: float) -> None:
        self._submission = submission
        self._tls = tls
        self._seconds = seconds

    async def send(self, consignment: Consignment) -> Outcome:
        place = self._submission
        smtp = aiosmtplib.SMTP(
            hostname=place.host,
            port=place.port,
            start_tls=True,
            tls_context=self._tls,
            username=place.user,
            password=place.password.reveal(),
            local_hostname=place.sender.rpartition("@")[2],
            timeout=STEP,
        )
        try:
            return await self._converse(smtp, consignment)
        finally:
            # It is over, whatever the goodbye comes to.
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await smtp.quit(timeout=self._seconds * GOODBYE)
            smtp.close()

    async def _converse(self, smtp: aiosmtplib.SMTP, consignment: Consignment) -> Outcome:
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(began + self._seconds * LEAVING):
                await smtp.connect()
                await smtp.mail(self._submission.sender)
                await smtp.rcpt(consignment.content.to)
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPRecipientRefused) as error:
            return _refusal(error)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            # Nothing of the mail has left yet. A refused password is the operator's to mend, not the mail's fault.
            return Failed(_reason(error))
        try:
            async with asyncio.timeout_at(began + self._seconds * ANSWERED):
                answer = await smtp.data(self.compose(consignment), timeout=self._seconds)
        except aiosmtplib.SMTPDataError as error:
            return _refusal(error)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            return Unknown(_reason(error))
        return Sent(f"{answer.code} {answer.message}")

    def compose(self, consignment: Consignment) -> bytes:
        """The mail. Every attempt sends the very same, with the same Message-ID, by which a double is known."""
        mail = EmailMessage(policy=SMTP_POLICY)
        sender = self._submission.sender
        mail["From"], mail["To"], mail["Subject"] = sender, consignment.content.to, consignment.content.subject
        mail["Date"] = format_datetime(consignment.accepted_at)
        mail["Message-ID"] = f"<{consignment.id}@{sender.rpartition('@')[2]}>"
        # Others' machines are not to answer (RFC 3834).
        mail["Auto-Submitted"] = "auto-generated"
        # 7-bit throughout, so that nothing depends on what the server can do.
        mail.set_content(consignment.content.text, cte="base64" if not consignment.content.text.isascii() else None)
        return mail.as_bytes()


def _refusal(error: aiosmtplib.SMTPResponseException) -> Outcome:
    """5yz is for good, 4yz for now (RFC 5321, section 4.2.1); anything else is no answer."""
    if 500 <= error.code < 600:
        return Refused(_reason(error))
    if 400 <= error.code < 500:
        return Failed(_reason(error))
    return Unknown(_reason(error))


def _reason(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"answered {error.code} {error.message}"
    return f"{type(error).__name__}: {error}"[:200]
