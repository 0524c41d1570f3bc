from collections.abc import Mapping
from pathlib import Path

import pytest

from network.check.shell import Shell
from network.model import Model
from tests.fleet import alone, model, secret, shells, show_no_arguments, state
from tests.journeys.browser import address, browser, complaints
from tests.web import Callback, Caller, Database, Visitor, WebLog, callback_door, guarded_flow, public_door

__all__ = ["address", "alone", "browser", "complaints", "model", "shells", "state"]

CREATOR = "creator"


def pytest_configure(config: pytest.Config) -> None:
    show_no_arguments(config)


@pytest.fixture(scope="session")
def worker(model: Model, shells: Mapping[str, Shell]) -> Shell:
    """Return the one host that may call back."""
    return shells[guarded_flow(model).sources[0].name]


@pytest.fixture(scope="session")
def web(model: Model, shells: Mapping[str, Shell]) -> Shell:
    """Return the host that the callback leads to."""
    return shells[guarded_flow(model).destinations[0].name]


@pytest.fixture(scope="session")
def database(model: Model, shells: Mapping[str, Shell]) -> Database:
    """Return the state behind the services."""
    return Database(shells[model.fleet.groups["db"][0]])


@pytest.fixture(scope="session")
def caller(model: Model, worker: Shell, web: Shell, state: Path) -> Caller:
    """Return the async service's host in front of the door, with both secrets in hand."""
    callback = Callback(secret(state, "callback_token"), secret(state, "callback_signing_key"))
    return Caller(worker, callback_door(model), callback, WebLog(web), guarded_flow(model).id)


@pytest.fixture(scope="session")
def creator(model: Model, shells: Mapping[str, Shell], state: Path) -> Visitor:
    """Return a creator who has logged in from a visitor's host."""
    host = next(name for name, each in model.fleet.hosts.items() if "visitor" in each.groups)
    front = public_door(model)
    visitor = Visitor(shells[host], front, f"https://{front.name}")
    visitor.sign_in(CREATOR, secret(state, f"app_user_{CREATOR}"))
    return visitor
