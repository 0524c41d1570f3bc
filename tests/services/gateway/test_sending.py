"""Guaranteed sending: order, rates, processes that are killed, and a broker that is away."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from uuid import UUID, uuid4

import pytest

from services.broker import Event, open_broker
from services.gateway.adapters.handing_over import GROUP, TOPIC
from services.gateway.domain.due import TYPE, VERSION, Due
from tests.services.broker.servers import RedisServer, Server
from tests.services.certificates import Certificates
from tests.services.gateway.gateway import Gateway, recipient
from tests.services.gateway.outside import Outside
from tests.services.processes import Launcher, eventually

# Of an attempt; half of it is all that one may take.
LEASE = {"SP_LEASE_SECONDS": "4", "SP_SEND_SECONDS": "2"}


def publish(server: Server, *events: Event) -> None:
    async def run() -> None:
        broker = open_broker(server.settings)
        for event in events:
            await broker.publish(TOPIC, event)
        await broker.close()

    asyncio.run(run())


def dead_letters_of_the_broker(server: Server) -> list[str]:
    async def run() -> list[str]:
        broker = open_broker(server.settings)
        async with broker.letters(TOPIC, GROUP) as letters:
            found = [letter.reason for letter in letters.all]
        await broker.close()
        return found

    return asyncio.run(run())


def event(kind: str, version: int, payload: dict[str, object]) -> Event:
    return Event(uuid4(), kind, version, "key", datetime.now(UTC), "a-request", payload)


@pytest.fixture
def made(maker: Callable[..., Gateway], own_broker: Server) -> Gateway:
    """A gateway of the test's own, not yet started."""
    return maker(own_broker.settings, **LEASE)


@pytest.mark.parametrize("channel", ["email", "telegram", "vk"])
def test_one_recipients_messages_keep_their_order_though_some_fail(
    gateway: Gateway, outside: Outside, channel: str
) -> None:
    to = recipient(channel)
    way = "mail" if channel == "email" else channel
    outside.break_(way, "fail", times=3, to=to)
    messages = [gateway.post(channel, to, text=f"number {number}") for number in range(6)]
    others = [gateway.post(channel, recipient(channel)) for _ in range(3)]
    for message in messages + others:
        gateway.until(message, "sent")
    wanted = [f"number {number}" for number in range(6)]
    assert [next(word for word in wanted if word in text) for text in outside.texts(way, to)] == wanted
    assert gateway.outcomes(messages[0]) == ["failed"] * 3 + ["sent"]


def test_what_the_broker_brings_twice_is_sent_once(gateway: Gateway, outside: Outside, broker: Server) -> None:
    to = recipient("telegram")
    message = gateway.post("telegram", to)
    gateway.until(message, "sent")
    due = Due(UUID(message), 1)
    publish(broker, *(Event(due.id, TYPE, VERSION, "k", datetime.now(UTC), "r", due.payload()) for _ in range(3)))
    second = gateway.post("telegram", to, text="Afterwards")
    gateway.until(second, "sent")
    assert outside.texts("telegram", to) == ["A result has arrived.", "Afterwards"]


def test_an_event_of_an_unknown_version_is_put_aside_and_the_others_go_on(
    gateway: Gateway, outside: Outside, broker: Server
) -> None:
    publish(broker, event(TYPE, 99, {}), event("something-else", 1, {}), event(TYPE, VERSION, {"message": "x"}))
    to = recipient("vk")
    gateway.until(gateway.post("vk", to), "sent")
    assert len(outside.received("vk", to)) == 1
    reasons = eventually(lambda: found if len(found := dead_letters_of_the_broker(broker)) >= 3 else None)
    assert any("message-due of version 99" in reason for reason in reasons)


@pytest.mark.thorough
def test_a_poisonous_message_is_dead_after_its_attempts_and_the_others_go_on(
    launcher: Launcher, maker: Callable[..., Gateway], own_broker: Server, outside: Outside
) -> None:
    gateway = maker(own_broker.settings, SP_ATTEMPTS_MOST="3", **LEASE)
    launcher.start(gateway.queue, gateway.url)
    gateway.sender.start()
    to, other = recipient("vk"), recipient("vk")
    outside.break_("vk", "fail", times=3, to=to)
    poisonous, behind = gateway.post("vk", to, text="Poison"), gateway.post("vk", to, text="Behind")
    beside = gateway.post("vk", other)
    dead = gateway.until(poisonous, "dead")
    assert [each["outcome"] for each in dead["attempts"]] == ["failed"] * 3
    assert "given up after 3 failures" in dead["reason"]
    for message in (behind, beside):
        gateway.until(message, "sent")
    assert outside.texts("vk", to) == ["Behind"]
    assert gateway.until(poisonous, "dead")["attempts"] == dead["attempts"]


@pytest.mark.thorough
@pytest.mark.parametrize("channel", ["telegram", "vk", "email"])
def test_a_sender_killed_between_sending_and_writing_leaves_an_unknown(
    made: Gateway, outside: Outside, launcher: Launcher, channel: str
) -> None:
    """The provider holds its answer back, having taken the message; then the sender is killed."""
    launcher.start(made.queue, made.url)
    made.sender.start()
    to, way = recipient(channel), "mail" if channel == "email" else channel
    outside.break_(way, "hang", times=1, to=to, taken=True)
    message = made.post(channel, to)
    eventually(lambda: outside.received(way, to), what="the message at the provider")
    made.sender.kill()
    (attempt,) = made.message(message)["attempts"]
    assert attempt["outcome"] is None
    made.sender.start()
    # Never twice where a double would be seen, and never lost.
    found = made.until(message, "unknown" if channel == "telegram" else "sent")
    assert found["attempts"][0]["outcome"] == "unknown"
    assert "the sender ended before" in found["attempts"][0]["detail"]
    assert len(outside.received(way, to)) == (2 if channel == "email" else 1)


@pytest.mark.thorough
def test_nothing_is_lost_and_no_order_broken_when_the_sender_is_killed_again_and_again(
    launcher: Launcher, maker: Callable[..., Gateway], own_broker: Server, outside: Outside
) -> None:
    gateway = maker(own_broker.settings, SP_VK_PER_SECOND="40", **LEASE)
    launcher.start(gateway.queue, gateway.url)
    gateway.sender.start()
    people = [recipient("vk") for _ in range(10)]
    messages = [gateway.post("vk", to, text=f"{number:02}") for number in range(20) for to in people]

    def arrived() -> int:
        return sum(len(outside.received("vk", to)) for to in people)

    def reached(mark: int) -> bool:
        return arrived() >= mark

    for mark in (70, 130):
        eventually(partial(reached, mark), within=60, what=f"{mark} messages")
        assert arrived() < len(messages)
        # The kill is to hit something: one attempt waits for its answer.
        outside.break_("vk", "hang", times=1, taken=True)
        eventually(outside.whole, what="the hanging attempt")
        gateway.sender.kill()
        gateway.sender.start()
    for message in messages:
        gateway.until(message, "sent", within=90)
    for to in people:
        # One random_id is shown once, so repeated attempts make no double.
        assert outside.texts("vk", to) == [f"{number:02}" for number in range(20)]
    # What was under way has become unknown.
    assert any("unknown" in gateway.outcomes(message) for message in messages)


@pytest.mark.thorough
def test_messages_are_accepted_while_the_broker_is_away(
    launcher: Launcher,
    maker: Callable[..., Gateway],
    outside: Outside,
    certificates: Certificates,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    server = RedisServer(tmp_path_factory.mktemp("late") / "home", certificates)
    gateway = maker(server.settings, **LEASE)
    launcher.start(gateway.queue, gateway.url)
    gateway.sender.start()
    to = recipient("telegram")
    messages = [gateway.post("telegram", to, text=str(number)) for number in range(5)]
    gateway.sender.wait_for("broker unavailable", 2)
    assert {gateway.message(message)["state"] for message in messages} == {"waiting"}
    server.start()
    try:
        for message in messages:
            gateway.until(message, "sent", within=60)
        assert outside.texts("telegram", to) == ["0", "1", "2", "3", "4"]
        # And again, in the middle of it.
        server.kill()
        later = [gateway.post("telegram", to, text=str(number)) for number in range(5, 8)]
        gateway.sender.wait_for("to be sent again")
        server.start()
        for message in later:
            gateway.until(message, "sent", within=60)
        assert outside.texts("telegram", to) == [str(number) for number in range(8)]
    finally:
        assert gateway.sender.stop() == 0
        server.kill()


@pytest.mark.thorough
def test_a_rate_is_kept_by_all_senders_together_and_over_restarts(
    launcher: Launcher, maker: Callable[..., Gateway], own_broker: Server
) -> None:
    """Eight at once, then eight a second: 32 messages take three seconds at least, whoever sends them."""
    gateway = maker(own_broker.settings, SP_VK_PER_SECOND="8", **LEASE)
    launcher.start(gateway.queue, gateway.url)
    messages = [gateway.post("vk", recipient("vk")) for _ in range(32)]
    gateway.sender.start()
    eventually(lambda: any(gateway.outcomes(message) for message in messages), what="the first attempt")
    gateway.sender.stop()
    gateway.sender.start()
    for message in messages:
        gateway.until(message, "sent", within=60)
    began = sorted(
        datetime.fromisoformat(each["began_at"])
        for message in messages
        for each in gateway.message(message)["attempts"]
    )
    seconds = (began[-1] - began[0]).total_seconds()
    assert seconds >= (len(began) - 8 - 1) / 8 - 0.2
    assert len(began) == 32


@pytest.mark.thorough
def test_a_channel_that_hangs_holds_up_no_other(made: Gateway, outside: Outside, launcher: Launcher) -> None:
    launcher.start(made.queue, made.url)
    made.sender.start()
    outside.break_("telegram", "hang", times=40)
    held = [made.post("telegram", recipient("telegram")) for _ in range(40)]
    eventually(lambda: any(made.outcomes(message) for message in held), what="the first attempt")
    for message in [made.post("vk", recipient("vk")) for _ in range(10)]:
        made.until(message, "sent")
    assert {made.message(message)["state"] for message in held} & {"waiting", "handed", "sending"}
    outside.mend("telegram")


@pytest.mark.thorough
def test_what_the_broker_lost_is_handed_over_again(made: Gateway, outside: Outside, launcher: Launcher) -> None:
    """As when a broker is replaced by another: the database knows that it handed over, and nobody has it."""
    launcher.start(made.queue, made.url)
    to = recipient("vk")
    message = made.post("vk", to)
    with made.cluster.connect(made.database, schema="gateway") as connection:
        connection.execute("UPDATE messages SET state = 'handed', due_at = now() + interval '1 second'")
    made.sender.start()
    made.until(message, "sent")
    assert len(outside.received("vk", to)) == 1
