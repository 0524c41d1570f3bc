"""What touches the broker, on the two that the other tests do not use: they have Redis, which starts soonest."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from services.broker import Event, Kind
from services.gateway.domain.due import TYPE, VERSION, Due
from tests.services.broker.servers import Server, serving
from tests.services.certificates import Certificates
from tests.services.cluster import Cluster
from tests.services.gateway.gateway import Gateway, make, recipient
from tests.services.gateway.outside import Outside
from tests.services.gateway.test_sending import LEASE, event, publish
from tests.services.processes import Launcher, reaching
from tests.services.test_letters import letters

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module", params=[Kind.RABBITMQ, Kind.KAFKA], ids=lambda kind: kind.value)
def server(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with serving(request.param, tmp_path_factory.mktemp("broker"), certificates) as found:
        yield found


@pytest.fixture(scope="module")
def running(
    server: Server, module_launcher: Launcher, cluster: Cluster, module_database: str, outside: Outside
) -> Iterator[Gateway]:
    """Both processes, running."""
    found = make(module_launcher, cluster, module_database, outside, server.settings, **LEASE)
    module_launcher.start(found.queue, found.url)
    found.sender.start()
    yield found
    for service in (found.sender, found.queue):
        assert service.stop() == 0


def test_order_is_kept_though_some_fail_and_the_sender_is_killed(running: Gateway, outside: Outside) -> None:
    to = recipient("vk")
    outside.break_("vk", "fail", times=2, to=to)
    messages = [running.post("vk", to, text=str(number)) for number in range(4)]
    running.until(messages[0], "sent", within=60)
    running.sender.kill()
    messages += [running.post("vk", to, text=str(number)) for number in range(4, 8)]
    running.sender.start()
    for message in messages:
        running.until(message, "sent", within=60)
    assert outside.texts("vk", to) == [str(number) for number in range(8)]


def test_what_the_broker_brings_twice_is_sent_once(running: Gateway, outside: Outside, server: Server) -> None:
    to = recipient("telegram")
    message = running.post("telegram", to)
    running.until(message, "sent", within=60)
    due = Due(UUID(message), 1)
    publish(server, *(Event(due.id, TYPE, VERSION, "k", datetime.now(UTC), "r", due.payload()) for _ in range(3)))
    running.until(running.post("telegram", to, text="Afterwards"), "sent", within=60)
    assert outside.texts("telegram", to) == ["A result has arrived.", "Afterwards"]


def test_an_event_of_an_unknown_version_is_put_aside_shown_and_sent_again(
    running: Gateway, outside: Outside, server: Server, launcher: Launcher
) -> None:
    def ask(*words: str) -> dict[str, Any]:
        access = reaching(server.settings)
        done = letters(launcher, "services.gateway.due_letters", running.database, "sp_gateway", *words, **access)
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    unread = event(TYPE, 99, {})
    publish(server, unread)
    to = recipient("vk")
    running.until(running.post("vk", to), "sent", within=60)
    assert len(outside.received("vk", to)) == 1
    running.sender.wait_for("dead letter")
    shown = ask("show", str(unread.id))
    assert (shown["version"], shown["topic"], shown["group"]) == (99, "messages", "sender")
    # The release has not changed: it is dead again.
    assert ask("redrive", str(unread.id)) == {"redriven": [str(unread.id)], "not_dead": []}
    running.sender.wait_for("dead letter", 2)
    assert str(unread.id) in [each["id"] for each in ask("list")["letters"]]
