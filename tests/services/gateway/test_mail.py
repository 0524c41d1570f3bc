"""What a mail server may do at each stage, and what is then known of the mail."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.gateway.adapters.guarded import Guarded
from services.gateway.adapters.mail import MailProvider, Submission
from services.gateway.domain.message import Channel, Consignment, Content
from services.gateway.domain.sending import Failed, Outcome, Refused, Sent, Unknown
from services.settings import Secret
from tests.services.certificates import Certificates

pytestmark = pytest.mark.thorough

# Seconds that an attempt may take.
SECONDS = 1.0
# Instead of an answer.
HANG, CUT = "hang", "cut"

TAKEN = {
    "greeting": "220 ready",
    "EHLO": "250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN",
    "STARTTLS": "220 go on",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 fine",
    "RCPT": "250 2.1.5 fine",
    "DATA": "354 go on",
    "text": "250 2.0.0 queued",
    "QUIT": "221 bye",
}


class Server:
    """An SMTP server that answers as it is told; `said` is what came, word by word, with the text as one."""

    def __init__(self, answers: Mapping[str, str], tls: ssl.SSLContext) -> None:
        self._answers = {**TAKEN, **answers}
        self._tls = tls
        self.said: list[str] = []
        self._talk: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Its port, and one client at most."""
        listener = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        try:
            yield listener.sockets[0].getsockname()[1]
        finally:
            listener.close()
            if self._talk:
                self._talk.cancel()
                await asyncio.gather(self._talk, return_exceptions=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talk = asyncio.create_task(self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                step = "greeting"
                while await self._answer(step, writer):
                    if step == "STARTTLS" and self._answers[step].startswith("2"):
                        await writer.start_tls(self._tls)
                    end = b"\r\n.\r\n" if step == "DATA" and self._answers[step].startswith("3") else b"\r\n"
                    line = (await reader.readuntil(end)).decode()
                    step = "text" if len(end) > 2 else line.split()[0].upper()
                    self.said.append(step)
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, step: str, writer: asyncio.StreamWriter) -> bool:
        answer = self._answers[step]
        if answer == HANG:
            await asyncio.sleep(60)
        if answer == CUT:
            writer.transport.abort()
            return False
        # A slow one: "0.4 250 fine" comes after 0.4 s.
        pause, _, rest = answer.partition(" ")
        if "." in pause:
            await asyncio.sleep(float(pause))
            answer = rest
        writer.write(answer.encode() + b"\r\n")
        await writer.drain()
        return True


def sent(answers: Mapping[str, str], certificates: Certificates) -> tuple[Outcome, list[str]]:
    """What comes of a mail to a server that answers so, and what the server heard."""
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(certificates.certificate, certificates.key)
    content = Content(Channel.EMAIL, "someone@example.org", "Subject", "Text\n.\nwith a dot")
    consignment = Consignment(uuid4(), datetime.now(UTC), content, 1, 0, "request")

    async def attempt() -> tuple[Outcome, list[str]]:
        server = Server(answers, own)
        async with server.serving() as port:
            place = Submission("localhost", port, "user", Secret("password"), "us@example.org")
            tls = ssl.create_default_context(cafile=str(certificates.ca))
            provider = Guarded(MailProvider(place, tls, SECONDS), SECONDS)
            return await provider.send(consignment), server.said

    return asyncio.run(attempt())


def test_a_mail_that_is_taken_is_sent(certificates: Certificates) -> None:
    outcome, said = sent({}, certificates)
    assert isinstance(outcome, Sent), outcome
    assert said == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "text", "QUIT"]


@pytest.mark.parametrize("answer", ["421 4.3.2 not now", "554 5.3.2 not here", CUT, HANG])
@pytest.mark.parametrize("step", ["greeting", "EHLO", "STARTTLS", "AUTH"])
def test_what_goes_wrong_before_the_mail_is_named_has_failed(
    certificates: Certificates, step: str, answer: str
) -> None:
    """It is no fault of the mail's, and nothing of it has left."""
    outcome, said = sent({step: answer}, certificates)
    assert isinstance(outcome, Failed), outcome
    assert "MAIL" not in said


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "text"])
def test_an_answer_to_the_mail_is_heeded(certificates: Certificates, step: str) -> None:
    outcome, _ = sent({step: "451 4.3.0 later"}, certificates)
    assert outcome == Failed("answered 451 4.3.0 later")
    outcome, _ = sent({step: "550 5.1.1 never"}, certificates)
    assert outcome == Refused("answered 550 5.1.1 never")


@pytest.mark.parametrize("answer", [CUT, HANG])
@pytest.mark.parametrize(("step", "kind"), [("MAIL", Failed), ("RCPT", Failed), ("text", Unknown)])
def test_only_after_the_text_has_left_the_outcome_is_unknown(
    certificates: Certificates, step: str, kind: type[Outcome], answer: str
) -> None:
    outcome, _ = sent({step: answer}, certificates)
    assert isinstance(outcome, kind), outcome


def test_a_server_that_is_slow_at_each_step_has_not_got_the_mail(certificates: Certificates) -> None:
    """Its time was up before the text left, so that is known."""
    slow = {step: f"0.3 {TAKEN[step]}" for step in ("greeting", "EHLO", "AUTH", "MAIL", "RCPT")}
    outcome, said = sent(slow, certificates)
    assert isinstance(outcome, Failed), outcome
    assert "DATA" not in said


@pytest.mark.parametrize("goodbye", [CUT, HANG, "500 what"])
def test_a_mail_that_is_taken_is_sent_whatever_the_goodbye_comes_to(certificates: Certificates, goodbye: str) -> None:
    outcome, _ = sent({"text": f"0.4 {TAKEN['text']}", "QUIT": goodbye}, certificates)
    assert isinstance(outcome, Sent), outcome


def test_nothing_is_said_in_the_clear(certificates: Certificates) -> None:
    """Somebody in between may take the offer of TLS out of the answer."""
    outcome, said = sent({"EHLO": "250-here\r\n250 AUTH PLAIN"}, certificates)
    assert isinstance(outcome, Failed), outcome
    assert not {"AUTH", "MAIL", "text"} & set(said)
