"""Events from outbox through broker to inbox, and random kills, on each broker. Run in the services' environment.

Real brokers on loopback with TLS, publisher and consumer as processes of their own, and a PostgreSQL that waits for its
disk. `python -m tests.services.broker.rates` prints one line of JSON.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from time import sleep

from services.broker import Kind
from tests.services import certificates as authority
from tests.services.broker.effects import Effects
from tests.services.broker.report import Outcome
from tests.services.broker.samples import events
from tests.services.broker.servers import QUEUE_ON_DISK, Server, serving
from tests.services.broker.trial import CONSUMER, GROUP, PUBLISHER, RATE, Trial
from tests.services.cluster import Cluster, running
from tests.services.throughput import DURABLE

# As many as a service may have in flight, and more.
KEYS = 200
# Seconds between two kills: a process is in the middle of its work again, or just not.
PAUSES = (0.2, 3.0)


@dataclass(frozen=True)
class Figures:
    """rate: effects a second, from the first to the last. reference: FastStream's consumption, in messages a second."""

    outcome: Outcome
    rate: float
    reference: float | None


@contextmanager
def town(kind: Kind, folder: Path) -> Iterator[tuple[Server, Cluster]]:
    """Run one broker and one database."""
    certificates = authority.make(folder)
    with running(certificates, **DURABLE) as cluster, serving(kind, folder / "broker", certificates) as server:
        yield server, cluster


def measure(kind: Kind, count: int, *, reference: bool) -> Figures:
    """Bring so many events from the outbox to their effects, as fast as it goes."""
    with tempfile.TemporaryDirectory() as folder, town(kind, Path(folder)) as (server, cluster):
        effects = Effects.make(cluster, cluster.create())
        with Trial(server.settings, effects, events(count, KEYS)) as trial:
            trial.feed_at_once()
            outcome = trial.finish("none")
        rate = effects.rate(GROUP)
        beside = None
        if reference:
            # FastStream is in the group `bench` only.
            from tests.services.broker.reference import consumed

            beside = consumed(server.settings, count, KEYS)
        return Figures(outcome, rate, beside)


def kill(kind: Kind, kills: int, random: Random) -> Outcome:
    """Kill broker, publisher or consumer at random moments under a steady flow, so many times, and count."""
    with tempfile.TemporaryDirectory() as folder, town(kind, Path(folder)) as (server, cluster):
        effects = Effects.make(cluster, cluster.create())
        # Enough to be under way at each kill.
        lasting = events(int(kills * RATE * 2.0) + 1, KEYS)
        with Trial(server.settings, effects, lasting) as trial:
            sleep(QUEUE_ON_DISK)
            trial.feed()
            for _ in range(kills):
                sleep(random.uniform(*PAUSES))
                match random.choice(["broker", PUBLISHER, CONSUMER]):
                    case "broker":
                        server.kill()
                        server.start()
                    case role:
                        trial.kill(role)
            return trial.finish(f"{kills} random kills")


def main() -> None:
    parser = argparse.ArgumentParser(description="Events a second on each broker, or random kills")
    parser.add_argument(
        "--kind", choices=[kind.value for kind in Kind], action="append", help="one broker; default all"
    )
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=0, help="kill so often at random, instead of measuring the rate")
    parser.add_argument("--seed", type=int, default=0, help="of the random kills")
    parser.add_argument("--references", action="store_true", help="measure the references too")
    given = parser.parse_args()
    found: dict[str, object] = {}
    for name in given.kind or [kind.value for kind in Kind]:
        if given.kills:
            found[name] = asdict(kill(Kind(name), given.kills, Random(given.seed)))
        else:
            found[name] = asdict(measure(Kind(name), given.events, reference=given.references))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
