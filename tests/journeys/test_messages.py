"""A message's way out of the house: queue, broker, sender, and the one flow that leads to the providers."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from network.check.shell import Shell, must
from network.model import Host, Model
from tests.fleet import Secret, secret

SECONDS = 40
QUEUE = "http://127.0.0.1:3001"
CONTROL = "http://127.0.0.1:8025"
CHANNELS = {
    "email": ("mail", {"subject": "Journey"}),
    "telegram": ("telegram", {}),
    "vk": ("vk", {}),
}


@dataclass(frozen=True)
class Gateway:
    """The queue API, called on its own host. The token goes by standard input, not as an argument."""

    shell: Shell
    token: Secret

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        lines = [
            f'url = "{QUEUE}{path}"',
            f'request = "{method}"',
            f'header = "Authorization: Bearer {self.token.text}"',
            f'header = "Idempotency-Key: {uuid4()}"',
            'header = "Content-Type: application/json"',
        ]
        if body is not None:
            lines.append(f"data = {json.dumps(json.dumps(body))}")
        answer = must(self.shell, "curl -sS --fail-with-body --config -", "\n".join(lines) + "\n")
        return dict(json.loads(answer))

    def post(self, channel: str, to: str, text: str) -> str:
        return str(
            self.call("POST", "/messages", {"channel": channel, "to": to, "text": text} | CHANNELS[channel][1])["id"]
        )

    def until(self, message: str, state: str) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while (found := self.call("GET", f"/messages/{message}"))["state"] != state:
            assert time.monotonic() < deadline, f"not {state} within {SECONDS} s: {found}"
            time.sleep(0.3)
        return found


@dataclass(frozen=True)
class Providers:
    """The stand-ins, through the operator's door on their own host."""

    shell: Shell

    def received(self, channel: str, to: str) -> list[str]:
        found = json.loads(must(self.shell, f"curl -sSf {CONTROL}/received"))["received"]
        return [each["text"] for each in found if (each["channel"], each["to"]) == (CHANNELS[channel][0], to)]

    def break_(self, channel: str, deed: str, **how: object) -> None:
        order = f"curl -sSf -X PUT -H 'Content-Type: application/json' -d @- {CONTROL}/faults/{CHANNELS[channel][0]}"
        must(self.shell, order, json.dumps({"deed": deed, **how}))

    def mend(self) -> None:
        for channel, _ in CHANNELS.values():
            must(self.shell, f"curl -sSf -X DELETE {CONTROL}/faults/{channel}")


def of_group(model: Model, shells: Mapping[str, Shell], group: str) -> Shell:
    return shells[model.fleet.groups[group][0]]


@pytest.fixture(scope="module")
def gateway(model: Model, shells: Mapping[str, Shell], state: Path) -> Gateway:
    return Gateway(of_group(model, shells, "gateway"), secret(state, "gateway_token"))


@pytest.fixture
def providers(model: Model, shells: Mapping[str, Shell]) -> Iterator[Providers]:
    """Return the providers, which do everything right again at the end."""
    found = Providers(of_group(model, shells, "outside"))
    yield found
    found.mend()


def somebody(channel: str) -> str:
    number = uuid4().int % 10**9 + 1
    return f"journey-{number}@example.org" if channel == "email" else str(number)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_message_really_arrives(gateway: Gateway, providers: Providers, channel: str) -> None:
    to = somebody(channel)
    message = gateway.until(gateway.post(channel, to, "A result has arrived."), "sent")

    assert [attempt["outcome"] for attempt in message["attempts"]] == ["sent"]
    (text,) = providers.received(channel, to)
    assert "A result has arrived." in text


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_provider_that_fails_and_is_mended_gets_it_in_the_end(
    gateway: Gateway, providers: Providers, channel: str
) -> None:
    to = somebody(channel)
    providers.break_(channel, "fail", to=to)
    first, second = (gateway.post(channel, to, text) for text in ("first", "second"))
    deadline = time.monotonic() + SECONDS
    while not gateway.call("GET", f"/messages/{first}")["attempts"]:
        assert time.monotonic() < deadline, "no attempt was made"
        time.sleep(0.3)
    assert providers.received(channel, to) == []
    providers.mend()
    outcomes = [attempt["outcome"] for attempt in gateway.until(first, "sent")["attempts"]]
    gateway.until(second, "sent")

    assert set(outcomes[:-1]) == {"failed"}
    texts = providers.received(channel, to)
    assert len(texts) == 2
    assert "first" in texts[0]
    assert "second" in texts[1]


def test_a_lost_answer_of_telegram_waits_for_the_operator(gateway: Gateway, providers: Providers) -> None:
    to = somebody("telegram")
    providers.break_("telegram", "cut", times=1, taken=True, to=to)
    message = gateway.post("telegram", to, "Once")
    gateway.until(message, "unknown")

    assert providers.received("telegram", to) == ["Once"]
    assert message in [letter["id"] for letter in gateway.call("GET", "/dead-letters")["letters"]]
    assert gateway.call("POST", f"/messages/{message}/dismiss")["state"] == "dismissed"
    assert providers.received("telegram", to) == ["Once"]


def test_the_gateway_reaches_the_providers_and_nothing_else_outside(
    model: Model, shells: Mapping[str, Shell], gateway: Gateway
) -> None:
    """What is denied is there: the bastion reaches the same ports."""
    outside, visitor = (model.fleet.hosts[of_group(model, shells, group).name] for group in ("outside", "visitor"))
    bastion = of_group(model, shells, "bastion")

    def connects(shell: Shell, host: Host, port: int) -> bool:
        return shell.run(f"timeout 3 bash -c '</dev/tcp/{host.legs[0].address}/{port}'").status == 0

    assert [port for port in (22, 443, 587) if connects(gateway.shell, outside, port)] == [443, 587]
    assert not connects(gateway.shell, visitor, 22)
    assert connects(bastion, outside, 22)
    assert connects(bastion, visitor, 22)


def test_the_queue_is_reached_on_its_own_host_only(model: Model, shells: Mapping[str, Shell], gateway: Gateway) -> None:
    address = model.fleet.hosts[gateway.shell.name].legs[0].address
    for name, shell in shells.items():
        reached = shell.run(f"timeout 3 bash -c '</dev/tcp/{address}/3001'").status == 0
        assert not reached, name
    assert gateway.shell.run(f"curl -s -o /dev/null {QUEUE}/health/ready").status == 0


def test_words_recipients_and_secrets_are_in_no_log(gateway: Gateway, providers: Providers) -> None:
    to = somebody("email")
    gateway.until(gateway.post("email", to, "Nobody reads this in a log"), "sent")
    units = "-u sallyport-gateway -u sallyport-sender"
    told = must(gateway.shell, f"journalctl {units} -o cat --since -5min")

    assert providers.received("email", to)
    assert "message sent" in told
    assert to not in told
    assert "Nobody reads this" not in told
    assert gateway.token.text not in told
