"""Whom the sender trusts, and what it says of a provider that it does not, or that does not know it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services import certificates as authority
from tests.services.broker.servers import Server
from tests.services.gateway.gateway import Gateway, recipient
from tests.services.gateway.outside import Outside
from tests.services.processes import Launcher
from tests.services.test_letters import letters

pytestmark = pytest.mark.thorough

FEW = {"SP_ATTEMPTS_MOST": "2"}


def dead(gateway: Gateway, channel: str) -> str:
    """The reason why a message that nobody takes is given up."""
    return str(gateway.until(gateway.post(channel, recipient(channel)), "dead")["reason"])


def test_nothing_is_sent_to_a_provider_with_a_strangers_certificate(
    launcher: Launcher, maker: Callable[..., Gateway], own_broker: Server, outside: Outside, tmp_path: Path
) -> None:
    """No token and no word gets out, for the handshake comes before."""
    other = tmp_path / "another"
    other.mkdir()
    gateway = maker(own_broker.settings, SP_PROVIDERS_CA_FILE=str(authority.make(other).ca), **FEW)
    launcher.start(gateway.queue, gateway.url)
    gateway.sender.start()
    before = outside.control.get("/received").json()
    for channel in ("email", "telegram", "vk"):
        reason = dead(gateway, channel)
        assert "given up after 2 failures" in reason
        assert "SSLCertVerificationError" in reason or "CERTIFICATE_VERIFY_FAILED" in reason
    assert outside.control.get("/received").json() == before


def test_a_wrong_password_is_the_operators_to_mend(
    launcher: Launcher, maker: Callable[..., Gateway], own_broker: Server
) -> None:
    gateway = maker(own_broker.settings, **FEW)
    credentials = Path(gateway.sender.environment["CREDENTIALS_DIRECTORY"])
    right = {name: (credentials / name).read_text() for name in ("smtp_password", "telegram_token", "vk_token")}
    for name in right:
        (credentials / name).write_text("wrong-secret")
    launcher.start(gateway.queue, gateway.url)
    gateway.sender.start()
    reasons = {channel: dead(gateway, channel) for channel in ("email", "telegram", "vk")}
    for channel, said in {"email": "535", "telegram": "401", "vk": "error 5"}.items():
        assert said in reasons[channel]
        assert "wrong-secret" not in reasons[channel]
    gateway.sender.stop()
    for name, text in right.items():
        (credentials / name).write_text(text)
    gateway.sender.start()
    # An operator who has mended it sends all of them again.
    done = letters(launcher, "services.gateway.letters", gateway.database, "sp_gateway", "redrive", "--all")
    assert done.returncode == 0, done.stderr
    for letter in gateway.client.get("/dead-letters").json()["letters"]:
        gateway.until(letter["id"], "sent")
    assert gateway.client.get("/dead-letters").json() == {"letters": [], "next": None}
    told = gateway.sender.log.read_text() + gateway.sender.errors.read_text()
    assert "wrong-secret" not in told


def test_letters_are_listed_and_shown_with_every_attempt(
    launcher: Launcher, gateway: Gateway, outside: Outside
) -> None:
    to = recipient("vk")
    outside.break_("vk", "refuse", times=1, to=to)
    message = gateway.post("vk", to)
    gateway.until(message, "dead")
    listed = letters(launcher, "services.gateway.letters", gateway.database, "sp_gateway", "list")
    (letter,) = [each for each in json.loads(listed.stdout)["letters"] if each["id"] == message]
    assert (letter["state"], letter["channel"], letter["recipient"]) == ("dead", "vk", to)
    shown = json.loads(
        letters(launcher, "services.gateway.letters", gateway.database, "sp_gateway", "show", message).stdout
    )
    assert shown["attempts"].startswith("1: refused, error 901")
    assert shown["text"] == "A result has arrived."
    redriven = letters(launcher, "services.gateway.letters", gateway.database, "sp_gateway", "redrive", message)
    assert json.loads(redriven.stdout) == {"redriven": [message], "not_dead": []}
    gateway.until(message, "sent")
