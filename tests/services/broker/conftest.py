"""One broker of each kind for the whole run, and a database whose rows are the effects that count."""

from collections.abc import Iterator

import pytest

from tests.services.broker.effects import Effects
from tests.services.broker.servers import MAKERS, Server, serving
from tests.services.certificates import Certificates
from tests.services.cluster import Cluster


@pytest.fixture(scope="session", params=MAKERS, ids=lambda kind: kind.value)
def server(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with serving(request.param, tmp_path_factory.mktemp("broker"), certificates) as found:
        yield found


@pytest.fixture
def effects(cluster: Cluster) -> Effects:
    """An empty outbox, inbox and table of effects of the test's own."""
    return Effects.make(cluster, cluster.create())


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
