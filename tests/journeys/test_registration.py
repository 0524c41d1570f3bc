"""Somebody registers: a mail arrives outside, and the day's count rises by one, though the broker dies in between."""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from network.check.shell import Shell, must
from network.model import Model
from tests.fleet import secret
from tests.journeys.test_messages import Providers, of_group
from tests.web import Visitor, public_door

SECONDS = 90
MODERATOR = "moderator"
BROKERS = ("rabbitmq-server", "redis-server", "kafka")


def until(probe: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not probe():
        assert time.monotonic() < deadline, f"{what} did not happen within {SECONDS} s"
        time.sleep(0.5)


@pytest.fixture
def visitor(model: Model, shells: Mapping[str, Shell]) -> Visitor:
    front = public_door(model)
    return Visitor(of_group(model, shells, "visitor"), front, f"https://{front.name}")


@pytest.fixture
def moderator(visitor: Visitor, state: Path) -> Visitor:
    found = Visitor(visitor.shell, visitor.door, visitor.origin)
    found.sign_in(MODERATOR, secret(state, f"app_user_{MODERATOR}"))
    return found


@pytest.fixture
def providers(model: Model, shells: Mapping[str, Shell]) -> Providers:
    return Providers(of_group(model, shells, "outside"))


@pytest.fixture
def broker(model: Model, shells: Mapping[str, Shell]) -> Iterator[tuple[Shell, str]]:
    """Return the broker's host and unit; at the end it runs again, whatever happened."""
    shell = of_group(model, shells, "broker")
    unit = next(unit for unit in BROKERS if shell.run(f"systemctl is-active --quiet {unit}").status == 0)
    yield shell, unit
    must(shell, f"systemctl start {unit}")


def registered(visitor: Visitor) -> str:
    """Return the address of a new creator."""
    name = f"journey-{uuid4().hex[:12]}"
    body = {"name": name, "password": secrets.token_urlsafe(18), "email": f"{name}@example.org"}
    answer = visitor("POST", "/register", body)
    assert answer.status == 201, answer.body
    return str(body["email"])


def counted(moderator: Visitor) -> int:
    """Return how many registered in the days that are shown: over midnight the sum holds, a day's count does not."""
    answer = moderator("GET", "/statistics/registrations")
    assert answer.status == 200, answer.body
    return int(answer.json["total"])


def test_a_registration_is_mailed_and_counted_once_though_the_broker_dies(
    visitor: Visitor, moderator: Visitor, providers: Providers, broker: tuple[Shell, str]
) -> None:
    shell, unit = broker
    before = counted(moderator)
    early = registered(visitor)
    must(shell, f"systemctl kill --signal=KILL {unit}; systemctl stop {unit}")
    late = registered(visitor)
    must(shell, f"systemctl start {unit}")
    until(lambda: all(providers.received("email", address) for address in (early, late)), "the mails")
    until(lambda: counted(moderator) == before + 2, "the count")

    # What came twice has had time to show.
    time.sleep(3)
    assert counted(moderator) == before + 2
    assert [len(providers.received("email", address)) for address in (early, late)] == [1, 1]


def test_statistics_are_not_for_creators(creator: Visitor) -> None:
    assert creator("GET", "/statistics/registrations").status == 403


def test_every_process_tells_its_queue(model: Model, shells: Mapping[str, Shell]) -> None:
    web, gateway = (of_group(model, shells, group) for group in ("web", "gateway"))
    assert "sallyport_queue_waiting" in must(web, "curl -sSf http://127.0.0.1:9106/metrics")
    for port, group in ((9107, "statistics"), (9108, "welcome")):
        told = must(gateway, f"curl -sSf http://127.0.0.1:{port}/metrics")
        assert f'sallyport_broker_connected{{group="{group}",topic="registrations"}} 1.0' in told


def test_the_counts_equal_the_log(model: Model, shells: Mapping[str, Shell]) -> None:
    """As the rebuild would count them, without doing it."""
    query = (
        "SELECT json_build_array((SELECT coalesce(sum(count), 0) FROM stats.registrations),"
        " (SELECT count(*) FROM main.registration_log WHERE version = 1))"
    )
    order = f"runuser -u postgres -- psql -XtA sallyport -c {json.dumps(query)}"
    shell = of_group(model, shells, "db")
    until(lambda: len(set(json.loads(must(shell, order)))) == 1, "as many counted as the log holds")
