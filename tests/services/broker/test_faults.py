"""Nothing lost, nothing done twice, no key's order broken, whatever is killed, cut or full; and how long it lasts."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.broker import Kind
from tests.services.broker import disk, report
from tests.services.broker.effects import Effects
from tests.services.broker.proxy import Proxy
from tests.services.broker.report import Outcome
from tests.services.broker.samples import events
from tests.services.broker.servers import HOLD, MAKERS, QUEUE_ON_DISK, ROOT, Server, serving
from tests.services.broker.trial import CONSUMER, PUBLISHER, Trial, overtaken
from tests.services.certificates import Certificates

pytestmark = pytest.mark.thorough

EVENTS = 600
# Effects after which the fault comes: with both processes in the middle of their work.
BEFORE = 120
Note = Callable[[Outcome], None]


@pytest.fixture(scope="session")
def note() -> Iterator[Note]:
    """Hold an outcome to what is promised, and keep it for the table."""
    outcomes: list[Outcome] = []

    def keep(outcome: Outcome) -> None:
        outcomes.append(outcome)
        assert (outcome.lost, outcome.doubled, outcome.reordered) == (0, 0, 0), outcome

    yield keep
    report.write(outcomes, ROOT / ".sallyport/test")


def test_killed_broker(server: Server, effects: Effects, note: Note) -> None:
    with Trial(server.settings, effects, events(EVENTS)) as trial:
        let_it_reach_the_disk(server)
        trial.feed()
        trial.reach(BEFORE)
        server.kill()
        server.start()
        note(trial.finish("broker killed"))


@pytest.mark.parametrize(("role", "name"), [(PUBLISHER, "producer"), (CONSUMER, "consumer")])
def test_killed_process(server: Server, role: str, name: str, effects: Effects, note: Note) -> None:
    with Trial(server.settings, effects, events(EVENTS)) as trial:
        trial.feed()
        for kill in range(2):
            trial.reach(BEFORE * (kill + 1))
            trial.kill(role)
        note(trial.finish(f"{name} killed, twice"))


def test_cut_network(server: Server, effects: Effects, note: Note) -> None:
    """For longer than a silent consumer keeps its place."""
    with (
        Proxy(*server.relay) as proxy,
        Trial(replace(server.settings, port=proxy.port), effects, events(EVENTS)) as trial,
    ):
        trial.feed()
        trial.reach(BEFORE)
        proxy.cut()
        lasted = trial.stall(HOLD + 1.0)
        proxy.mend()
        note(trial.finish("network cut", lasted))


@pytest.mark.parametrize(
    "case", [*((kind, 0) for kind in MAKERS), (Kind.RABBITMQ, 30)], ids=lambda case: f"{case[0].value}-{case[1]}"
)
def test_full_disk(
    case: tuple[Kind, int], certificates: Certificates, tmp_path: Path, effects: Effects, note: Note
) -> None:
    """A broker that ended because of it is started again once there is room, as its unit would start it.

    The case: which broker, and the megabytes that stay free. RabbitMQ keeps publishers waiting below 50, and goes on by
    itself. At the last byte its queues end while the broker runs on, until somebody restarts it (docs/brokers.md).
    """
    kind, left = case
    with (
        disk.small(tmp_path / "disk", megabytes=192) as folder,
        serving(kind, folder, certificates) as server,
        Trial(server.settings, effects, events(EVENTS)) as trial,
    ):
        let_it_reach_the_disk(server)
        trial.feed()
        trial.reach(BEFORE)
        with disk.filled(folder, but=left):
            lasted = trial.stall(2.0)
        if not server.alive or (kind is Kind.RABBITMQ and not left):
            server.kill()
            server.start()
        note(trial.finish("disk low" if left else "disk full", lasted))


def let_it_reach_the_disk(server: Server) -> None:
    """Wait until the name of a new queue is on disk, where the broker writes it late."""
    if server.settings.kind is Kind.RABBITMQ:
        time.sleep(QUEUE_ON_DISK)


def test_overtaking_is_seen() -> None:
    given = [(event.id, event.key, int(event.payload["place"])) for event in events(6, keys=2)]
    assert overtaken(given) == 0
    assert overtaken([given[2], given[0], *given[3:]]) == 1
