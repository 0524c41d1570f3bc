"""One broker of each kind for the whole run, and a database whose rows are the effects that count."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.broker import Kind
from tests.services.broker.effects import Effects
from tests.services.broker.servers import KafkaServer, RabbitServer, RedisServer, Server
from tests.services.certificates import Certificates
from tests.services.cluster import Cluster

MAKERS: dict[Kind, Callable[[Path, Certificates], Server]] = {
    Kind.RABBITMQ: RabbitServer,
    Kind.REDIS: RedisServer,
    Kind.KAFKA: KafkaServer,
}


@pytest.fixture(scope="session", params=MAKERS, ids=lambda kind: kind.value)
def server(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    found = MAKERS[request.param](tmp_path_factory.mktemp("broker") / "home", certificates)
    found.start()
    yield found
    found.kill()


@pytest.fixture
def effects(cluster: Cluster) -> Effects:
    """An empty outbox, inbox and table of effects of the test's own."""
    return Effects.make(cluster, cluster.create())


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
