"""The callback is the only door: the right call passes, each wrong one is refused by the guard that ought to."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from network.check.facts import deny_counters
from network.check.matrix import together, ways_in
from network.check.reach import probes
from network.check.shell import Shell, must
from network.check.temporary import MARK, egress_opened
from network.model import Model
from tests.web import Caller, Database, Job, Visitor, ask_web

PATHS = (
    "//stocks/1/put",
    "/stocks//1/put",
    "/stocks/1//put",
    "/stocks/1/put/",
    "/stocks/1/%70ut",
    "/stocks/1%2fput",
    "/%73tocks/1/put",
    "/./stocks/1/put",
    "/stocks/1/%2e/put",
    "/a/../stocks/1/put",
    "/a/%2e%2e/stocks/1/put",
    "/Stocks/1/put",
    "/stocks/1/PUT",
    "/stocks/1/put?x=1",
    "/stocks/1/put%0a",
    "/stocks/1",
    "/stocks",
    "/",
    "/health/ready",
)


@pytest.fixture
def job(creator: Visitor, database: Database) -> tuple[int, Job]:
    """Return a request whose job has just begun to wait for its result."""
    formed = creator.form_request()["id"]
    found = database.job(formed)
    assert found is not None
    return formed, found


def test_right_token_and_signature_from_the_worker_is_taken(caller: Caller, job: tuple[int, Job]) -> None:
    request, waiting = job
    answer = caller.call(waiting.stock, waiting.id, request)

    assert answer.status == 200, f"{answer.status} {answer.error} {answer.body}"
    assert answer.json == {"job": waiting.id, "applied": True}


def test_result_for_no_waiting_job_is_refused_by_the_database(caller: Caller) -> None:
    caller.refused_by_service(caller.call(), 409)


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-signature": None},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-timestamp": "1700000000"},
        {"webhook-id": str(uuid4())},
    ],
    ids=["unsigned", "forged", "old", "another job's"],
)
def test_wrong_signature_is_refused_by_the_service(caller: Caller, headers: dict[str, str | None]) -> None:
    caller.refused_by_service(caller.call(headers=headers), 401)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": None},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic d3Jvbmc6d3Jvbmc="},
        {"Authorization": None, "X-Authorization": "Bearer wrong", "Cookie": "token=wrong"},
    ],
    ids=["none", "wrong", "empty", "basic", "elsewhere"],
)
def test_wrong_token_is_refused_by_nginx(caller: Caller, headers: dict[str, str | None]) -> None:
    caller.refused_by_nginx(caller.call(headers=headers), 401, "token")


def test_token_with_another_case_is_refused_by_nginx(caller: Caller) -> None:
    changed = {"Authorization": f"Bearer {caller.callback.token.text.swapcase()}"}

    caller.refused_by_nginx(caller.call(headers=changed), 401, "token")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH", "OPTIONS"])
def test_wrong_method_is_refused_by_nginx(caller: Caller, method: str) -> None:
    caller.refused_by_nginx(caller.call(method=method), 403, "method")


@pytest.mark.parametrize("path", PATHS)
def test_wrong_path_is_refused_by_nginx(caller: Caller, path: str) -> None:
    caller.refused_by_nginx(caller.call(target=path), 403, "path")


def test_wrong_content_type_is_refused_by_nginx(caller: Caller) -> None:
    caller.refused_by_nginx(caller.call(headers={"Content-Type": "text/plain"}), 403, "type")


def test_oversized_body_is_refused_by_nginx(caller: Caller) -> None:
    caller.refused_by_nginx(caller.call(body=" " * 5000), 413, None)


def test_public_front_does_not_offer_the_callback(creator: Visitor, caller: Caller) -> None:
    paths = ("/stocks/1/put", *(path for path in PATHS if path.lower().endswith("put")))
    calls = [caller.callback.request(1, str(uuid4()), 1, target=path) for path in paths]

    assert {answer.status for answer in ask_web(creator.shell, creator.door, calls)} == {404}


def test_right_call_from_any_other_host_is_dropped_by_iptables(
    model: Model, shells: Mapping[str, Shell], caller: Caller, web: Shell
) -> None:
    """Twice for each host: its own egress refuses; taken over, the first firewall on the way drops."""
    others = [name for name in shells if name not in {caller.shell.name, web.name}]
    door = caller.door
    deniers = {
        probe.source: probe.denier
        for probe in probes(model)
        if probe.target == web.name and str(probe.address) == door.address
    }
    call = {**caller.callback.request(1, str(uuid4()), 1), "seconds": 0.9}

    def attempt(name: str) -> tuple[str, str, int]:
        before = egress(shells[name])
        first = ask_web(shells[name], door, [call])[0]
        refused = egress(shells[name]) - before
        with egress_opened(shells[name], "callback"):
            second = ask_web(shells[name], door, [call], mark=MARK)[0]
        return first.error, second.error, refused

    with together(ways_in(model, shells)), ThreadPoolExecutor(len(others)) as pool:
        before = {name: transit(shells[name]) for name in set(deniers.values())}
        outcomes = dict(zip(others, pool.map(attempt, others), strict=True))
        dropped = {name: transit(shells[name]) - count for name, count in before.items()}

    assert {name: outcome[:2] for name, outcome in outcomes.items()} == dict.fromkeys(others, ("prohibited", "timeout"))
    assert all(refused >= 1 for _, _, refused in outcomes.values()), outcomes
    expected = Counter(deniers[name] for name in others)
    assert all(dropped[name] >= count for name, count in expected.items()), f"{dropped} of {expected}"


def egress(shell: Shell) -> int:
    """Return how many packets a host's own egress has refused."""
    return deny_counters(must(shell, "iptables-save -c")).get("out", 0)


def transit(shell: Shell) -> int:
    """Return how many packets of others a host has dropped."""
    counters = deny_counters(must(shell, "iptables-save -c"))
    return counters.get("in", 0) + counters.get("fwd", 0)
