"""Whoever registers with an address gets one mail, by way of the gateway, whatever comes twice or is killed."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from services.registration import Registered
from tests.services.gateway.conftest import outside
from tests.services.gateway.gateway import make
from tests.services.gateway.outside import Outside
from tests.services.processes import Service, eventually
from tests.services.registration.town import Town, event, published

__all__ = ["outside"]


def addressed(address: str | None) -> dict[str, object]:
    return Registered(1, "vera", address).payload()


def somebody() -> str:
    return f"vera-{uuid4().hex[:10]}@example.org"


@pytest.fixture
def welcome(town: Town) -> Service:
    return town.started(town.launcher.welcome(town.database, town.broker.settings), "welcome started")


def accepted(town: Town) -> list[tuple[str, str]]:
    return town.rows("SELECT recipient, idempotency_key FROM gateway.messages ORDER BY place")


def test_a_registration_that_comes_twice_is_one_mail(town: Town, welcome: Service) -> None:
    address = somebody()
    first = event(addressed(address))
    published(town, [first, event(addressed(None)), first])
    welcome.wait_for("duplicate")
    welcome.wait_for("no address, no mail")
    assert accepted(town) == [(address, f"welcome:{first.id}")]
    ((request,),) = town.rows("SELECT correlation_id FROM gateway.messages")
    assert request == first.correlation_id
    told = welcome.log.read_text()
    assert address not in told
    assert welcome.stop() == 0


def test_a_mail_of_an_earlier_release_is_not_sent_again_in_other_words(town: Town, welcome: Service) -> None:
    first = event(addressed(somebody()))
    published(town, [first])
    welcome.wait_for("mail accepted")
    with town.cluster.connect(town.database) as connection:
        connection.execute("UPDATE gateway.messages SET fingerprint = 'of other words'")
    published(town, [first])
    welcome.wait_for("duplicate")
    assert len(accepted(town)) == 1


def test_what_takes_no_mail_becomes_a_dead_letter_and_the_others_go_on(town: Town, welcome: Service) -> None:
    address = somebody()
    unread, unwritable = event(version=2), event(addressed("вера@example.org"))
    published(town, [unread, unwritable, replace(event(addressed(address)), key="user:2")])
    eventually(lambda: accepted(town), what="the mail of the third")
    welcome.wait_for("dead letter", 2)
    letters = town.told("services.gateway.welcome_letters", "sp_gateway", "list")["letters"]
    reasons = {each["id"]: each["reason"] for each in letters}
    assert reasons.keys() == {str(unread.id), str(unwritable.id)}
    assert reasons[str(unread.id)] == "user.registered of version 2, and this release knows version 1"
    assert reasons[str(unwritable.id)].startswith("It is no mail address: ")
    assert [recipient for recipient, _ in accepted(town)] == [address]


@pytest.fixture
def sender(town: Town, outside: Outside) -> Iterator[Service]:
    found = make(town.launcher, town.cluster, town.database, outside, town.broker.settings).sender
    found.start()
    yield found
    if found.process is not None:
        assert found.stop() == 0


@pytest.mark.thorough
@pytest.mark.usefixtures("sender")
def test_from_registering_to_the_mail_with_everything_killed_once(
    town: Town, welcome: Service, outside: Outside
) -> None:
    town.start_main()
    publisher = town.publisher()
    addresses = [somebody() for _ in range(12)]
    for number, address in enumerate(addresses):
        town.register(email=address)
        if number == 3:
            welcome.kill()
            welcome.start()
        if number == 6:
            publisher.kill()
            publisher.start()
        if number == 9:
            town.broker.kill()
            town.broker.start()
    eventually(lambda: all(outside.received("mail", address) for address in addresses), within=90, what="all the mails")
    assert [len(outside.received("mail", address)) for address in addresses] == [1] * 12
    mail = outside.received("mail", addresses[0])[0]
    assert "your account is ready" in mail["text"]
