"""Thousands of idle listeners of the feed in the lab: the memory of each, and how soon all have heard of a change."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from network.check.shell import Shell, must, tell
from network.drill.ledger import query
from network.drill.run import USER
from network.errors import Problem, UserError
from tests.bench.row import Row
from tests.bench.visitors import Town, visitors
from tests.fleet import secret, state_directory
from tests.web import Visitor

# Of each kind: SSE and WebSocket.
MANY, FEW = 2000, 20
PER_ADDRESS = 50
CHANGES = 20
_PAUSE = 0.5
# Seconds that opening the streams may take.
_OPENING = 100.0
# With the hint that a process of main gives to the others, for the change is not its own.
_CHANGE = """
UPDATE main.stocks SET price = price + :by WHERE id = 1 RETURNING extract(epoch FROM clock_timestamp());
NOTIFY main_feed;
"""


@dataclass(frozen=True)
class Heard:
    """memory: bytes of a client of each kind, in nginx and main together. late: seconds from a change to a client."""

    memory: dict[str, float]
    late: list[float]
    lost: int

    @property
    def p99(self) -> float:
        """Milliseconds within which 99 of 100 messages were heard."""
        return sorted(self.late)[len(self.late) * 99 // 100] * 1000


def measure() -> list[Row]:
    """Return memory and delivery with many listeners, beside few. Raises UserError without a lab, and RemoteError."""
    with visitors(2 * MANY // PER_ADDRESS) as town:
        few = listen(town, FEW)
        many = listen(town, MANY)
    beside = f"{FEW} + {FEW} listeners"
    sse, socket = (many.memory[kind] / 1024 for kind in ("sse", "websocket"))
    return [
        Row(f"memory of an idle SSE client, {MANY} of them", sse, "KiB", "a WebSocket client", socket, "told"),
        Row(f"delivery to {MANY} + {MANY}, p99", many.p99, "ms", beside, few.p99, "told"),
        Row("messages lost", many.lost, "messages", beside, few.lost, "0"),
    ]


def listen(town: Town, each: int) -> Heard:
    """Open so many streams of each kind, change a stock now and then, and see who hears of it when."""
    web, database = town.shell("web"), town.shell("db")
    creator = Visitor(town.shell("visitor"), town.door, f"https://{town.door.name}")
    creator.sign_in(USER, secret(state_directory(town.model.fleet.environment), f"app_user_{USER}"))
    snapshot = creator("GET", "/feed/snapshot")
    if snapshot.status != 200:
        raise UserError(_failed(f"GET /feed/snapshot: {snapshot.status} {snapshot.error or snapshot.body}"))
    after = snapshot.json["cursor"]
    half = len(town.sources) // 2
    memory: dict[str, float] = {}
    with ThreadPoolExecutor(2) as pool:
        hearing = []
        for kind, sources in (("sse", town.sources[:half]), ("websocket", town.sources[half:])):
            before, open_before = memory_of(web), streams(web)
            wanted = [
                {"transport": kind, "source": sources[number // PER_ADDRESS], "origin": ""} for number in range(each)
            ]
            hearing.append(pool.submit(_hear, town, creator, after, wanted))
            _await(web, open_before + each)
            memory[kind] = (memory_of(web) - before) / each
        changed_at = []
        for number in range(CHANGES):
            changed_at.append(float(query(database, _CHANGE, by="1" if number % 2 == 0 else "-1")))
            time.sleep(_PAUSE)
        found = [stream for future in hearing for stream in future.result()]
    if wrong := [stream for stream in found if stream["error"] or stream["status"] not in {101, 200}]:
        raise UserError(_failed(f"{len(wrong)} streams failed, as with {wrong[0]['status']} {wrong[0]['error']}"))
    late = [heard - began for stream in found for began, (heard, _) in zip(changed_at, stream["heard"], strict=False)]
    return Heard(memory, late, len(found) * CHANGES - len(late))


def _hear(town: Town, creator: Visitor, after: str, streams: list[dict[str, str]]) -> list[Any]:
    cookie = "; ".join(f"{name}={value}" for name, value in creator.cookies.items())
    given = {"origin": creator.origin, "cookie": cookie, "after": after, "streams": streams, "enough": CHANGES}
    found: list[Any] = tell(town.shell("visitor"), "hear", town.given() | given | {"seconds": _OPENING + 60})
    return found


def memory_of(web: Shell) -> float:
    """Return the bytes that main and nginx hold, each page counted once (PSS)."""
    pids = "$(systemctl show -p MainPID --value sallyport-main.service) $(pgrep -x nginx)"
    said = must(web, f"for pid in {pids}; do grep ^Pss: /proc/$pid/smaps_rollup; done")
    return sum(float(line.split()[1]) for line in said.splitlines()) * 1024


def streams(web: Shell) -> int:
    """Return how many connections visitors have to nginx."""
    return int(must(web, "ss -Htn state established '( sport = :443 )' | wc -l"))


def _await(web: Shell, count: int) -> None:
    deadline = time.monotonic() + _OPENING
    while streams(web) < count:
        if time.monotonic() > deadline:
            raise UserError(_failed(f"{streams(web)} of {count} streams are open after {_OPENING:.0f} s"))
        time.sleep(0.5)
    # What came with the last ones is settled.
    time.sleep(2)


def _failed(found: str) -> Problem:
    return Problem("sallyport bench feed", found, "every stream must stand", "see the log of nginx on the web host")
