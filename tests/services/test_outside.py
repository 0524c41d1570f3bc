"""The stand-ins of the world outside, spoken to as the gateway will."""

import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage

import httpx
import pytest

from tests.services.certificates import Certificates
from tests.services.ports import free_port
from tests.services.processes import SECRETS, Launcher, eventually

PASSWORD = SECRETS["provider_password"]


@dataclass
class Outside:
    submission: int
    client: httpx.Client
    control: httpx.Client
    tls: ssl.SSLContext

    def received(self, channel: str) -> list[dict[str, object]]:
        return [each for each in self.control.get("/received").json()["received"] if each["channel"] == channel]


@pytest.fixture(scope="module")
def outside(module_launcher: Launcher, certificates: Certificates) -> Iterator[Outside]:
    https, submission, control = free_port(), free_port(), free_port()
    url = f"https://localhost:{https}"
    ports = {"SP_BIND_PORT": https, "SP_SUBMISSION_PORT": submission, "SP_CONTROL_PORT": control}
    service = module_launcher.service("services.outside", **{name: str(port) for name, port in ports.items()})
    service.start()
    with module_launcher.client(url) as client, module_launcher.client(f"http://127.0.0.1:{control}") as operator:

        def live() -> bool:
            try:
                return client.get("/health/live").status_code == 200
            except httpx.TransportError:
                return False

        service.alive_until(live, "live")
        yield Outside(submission, client, operator, ssl.create_default_context(cafile=str(certificates.ca)))
    assert service.stop() == 0
    told = service.log.read_text() + service.errors.read_text()
    assert PASSWORD not in told


def mail() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "sallyport@example.org", "someone@example.org", "Привет"
    message.set_content("A result has arrived.")
    return message


def test_mail_is_taken_after_starttls_and_auth(outside: Outside) -> None:
    with smtplib.SMTP("localhost", outside.submission, timeout=10) as smtp:
        smtp.starttls(context=outside.tls)
        smtp.login("lab", PASSWORD)
        smtp.send_message(mail())
    (received,) = outside.received("mail")
    assert received["to"] == "someone@example.org"
    assert "A result has arrived." in str(received["text"])


def test_mail_is_refused_without_tls_without_auth_and_with_a_wrong_password(outside: Outside) -> None:
    before = outside.received("mail")
    with smtplib.SMTP("localhost", outside.submission, timeout=10) as smtp:
        assert smtp.mail("sallyport@example.org")[0] == 530
        assert smtp.docmd("AUTH", "PLAIN AGxhYgB4")[0] in {500, 503, 530, 538}
        smtp.starttls(context=outside.tls)
        smtp.ehlo()
        assert smtp.mail("sallyport@example.org")[0] == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login("lab", "wrong")
    assert outside.received("mail") == before


def test_telegram(outside: Outside) -> None:
    path = f"/bot{PASSWORD}/sendMessage"
    answer = outside.client.post(path, json={"chat_id": 42, "text": "Grown"}).json()
    assert answer["ok"] is True
    assert answer["result"]["text"] == "Grown"
    assert outside.client.post(path, data={"chat_id": "42", "text": "Form"}).json()["ok"] is True
    assert [(each["to"], each["text"]) for each in outside.received("telegram")] == [("42", "Grown"), ("42", "Form")]
    empty = outside.client.post(path, json={"chat_id": 42, "text": ""})
    assert (empty.status_code, empty.json()["error_code"]) == (400, 400)
    wrong = outside.client.post("/botwrong/sendMessage", json={"chat_id": 42, "text": "x"})
    assert wrong.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}


def test_vk_takes_one_random_id_once(outside: Outside) -> None:
    form = {"access_token": PASSWORD, "peer_id": "7", "random_id": "1", "message": "Fallen", "v": "5.199"}
    first, second = (outside.client.post("/method/messages.send", data=form).json() for _ in range(2))
    assert first == second == {"response": first["response"]}
    assert [(each["to"], each["text"]) for each in outside.received("vk")] == [("7", "Fallen")]
    wrong = outside.client.post("/method/messages.send", data=form | {"access_token": "wrong"}).json()
    assert wrong["error"]["error_code"] == 5
    missing = outside.client.post("/method/messages.send", data={"access_token": PASSWORD}).json()
    assert missing["error"]["error_code"] == 100


def test_a_large_body_is_refused(outside: Outside) -> None:
    assert outside.client.post("/method/messages.send", content=b"x" * 65_537).status_code == 413


def test_what_is_no_json_is_an_empty_message(outside: Outside) -> None:
    headers = {"Content-Type": "application/json"}
    for content in (b"\xff", b"[]", b"{"):
        assert outside.client.post(f"/bot{PASSWORD}/sendMessage", content=content, headers=headers).status_code == 400
    eventually(lambda: outside.client.get("/health/live").status_code == 200)
