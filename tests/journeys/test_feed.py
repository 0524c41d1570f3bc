"""Live updates as a visitor gets them: through edge, TLS and nginx as deployed."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from network.check.shell import Shell, must, tell
from tests.web import Visitor

TRANSPORTS = ("polling", "long-polling", "sse", "websocket")
# Streams that nginx lets one address have.
STREAMS = 50
# Seconds: all results of a request are there, and a stream that was turned away knows it.
RESULTS, REFUSAL = 15.0, 4.0


def hear(visitor: Visitor, after: str, streams: list[dict[str, str]], seconds: float, enough: int) -> list[Any]:
    """Listen from the visitor's host; see the agent."""
    given = {
        "ca": visitor.door.authority,
        "address": visitor.door.address,
        "port": visitor.door.port,
        "name": visitor.door.name,
        "origin": visitor.origin,
        "cookie": "; ".join(f"{name}={value}" for name, value in visitor.cookies.items()),
        "after": after,
        "mark": None,
        "seconds": seconds,
        "enough": enough,
        "streams": streams,
    }
    found: list[Any] = tell(visitor.shell, "hear", given)
    return found


def cursor(visitor: Visitor) -> str:
    snapshot = visitor("GET", "/feed/snapshot")
    assert snapshot.status == 200, snapshot.body
    found: str = snapshot.json["cursor"]
    return found


def test_all_four_transports_tell_of_a_request_as_it_happens(creator: Visitor) -> None:
    after = cursor(creator)
    streams = [{"transport": transport, "source": "", "origin": ""} for transport in TRANSPORTS]
    # Formed, and two results.
    with ThreadPoolExecutor(1) as pool:
        hearing = pool.submit(hear, creator, after, streams, RESULTS, 3)
        time.sleep(2)
        formed_at = time.time()
        request = creator.form_request(stocks=2)
        found = hearing.result()
    for transport, told in zip(TRANSPORTS, found, strict=True):
        assert (told["status"], told["error"]) == (101 if transport == "websocket" else 200, ""), transport
        assert [seq for _, seq in told["heard"]] == [seq for _, seq in found[0]["heard"]], transport
        assert len(told["heard"]) == 3, transport
        # At once, not when nginx has gathered enough: the results come seconds later.
        assert told["heard"][0][0] - formed_at < RESULTS / 5, transport
    kept = creator("GET", f"/feed?after={after}").json["events"]
    assert [event["seq"] for event in kept] == [seq for _, seq in found[0]["heard"]]
    assert [(event["kind"], event["body"]["request_id"]) for event in kept] == [
        ("request", request["id"]),
        ("result", request["id"]),
        ("result", request["id"]),
    ]


@pytest.mark.parametrize("transport", ["sse", "websocket"])
def test_one_address_has_so_many_streams_and_no_more(creator: Visitor, transport: str) -> None:
    streams = [{"transport": transport, "source": "", "origin": ""}] * (STREAMS + 1)
    found = hear(creator, cursor(creator), streams, REFUSAL, 0)

    opened = 101 if transport == "websocket" else 200
    assert Counter(told["status"] for told in found) == {opened: STREAMS, 429: 1}
    assert [told["error"] for told in found] == [""] * len(found)


def test_a_socket_from_a_foreign_page_is_refused(creator: Visitor) -> None:
    after = cursor(creator)
    own, foreign, guest = (
        {"transport": "websocket", "source": "", "origin": origin} for origin in ("", "https://elsewhere.example", "")
    )
    assert [told["status"] for told in hear(creator, after, [own, foreign], REFUSAL, 0)] == [101, 403]
    stranger = Visitor(creator.shell, creator.door, creator.origin)
    assert [told["status"] for told in hear(stranger, after, [guest], REFUSAL, 0)] == [401]


def test_nginx_may_open_as_many_files_as_it_is_told(web: Shell) -> None:
    told = must(web, "nginx -T 2>/dev/null | sed -n 's/^worker_rlimit_nofile \\(.*\\);/\\1/p'").strip()
    limits = must(web, "for worker in $(pgrep -x -f 'nginx: worker process'); do cat /proc/$worker/limits; done")
    found = [line.split()[3] for line in limits.splitlines() if line.startswith("Max open files")]
    assert found
    assert set(found) == {told}
