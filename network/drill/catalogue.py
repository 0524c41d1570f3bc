"""The drills there are."""

from collections.abc import Mapping
from dataclasses import dataclass

from network.drill.clock import wrong_clock
from network.drill.disk import database_full
from network.drill.faults import Fault, cut, kills


@dataclass(frozen=True)
class Drill:
    """One drill. `burst`: so many requests at once instead of a visitor; `settling`: seconds until all must be done."""

    says: str
    fault: Fault | None
    burst: int = 0
    settling: float = 120.0


DRILLS: Mapping[str, Drill] = {
    "kill-main": Drill("the main service is killed again and again", kills("web", "sallyport-main.service")),
    "kill-relay": Drill("the relay is killed again and again", kills("web", "sallyport-relay.service")),
    "kill-status": Drill("the async service is killed again and again", kills("worker", "sallyport-status.service")),
    "kill-database": Drill(
        "PostgreSQL is killed again and again", kills("db", "postgresql@15-main.service", start=True)
    ),
    "cut-web-worker": Drill("the web host and the async service are cut off from one another", cut("web", "worker")),
    "cut-web-db": Drill("the web host is cut off from the database", cut("web", "db")),
    "cut-worker-db": Drill("the async service is cut off from the database", cut("worker", "db")),
    "database-full": Drill("PostgreSQL's disk is full", database_full, settling=240.0),
    "worker-clock": Drill(
        "the async service's clock is ten minutes off",
        wrong_clock("worker", "sallyport-status.service", 600, "our clock is 600 s ahead of the receiver's"),
    ),
    "burst": Drill("10,000 requests are formed at once", None, burst=10_000, settling=300.0),
}
