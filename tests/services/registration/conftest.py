"""Redis, which is up in no time; the tests of what brokers promise have all three of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.broker.servers import RedisServer
from tests.services.certificates import Certificates
from tests.services.cluster import Cluster
from tests.services.processes import Launcher
from tests.services.registration.town import Town


@pytest.fixture
def redis(certificates: Certificates, tmp_path: Path) -> Iterator[RedisServer]:
    """A broker that does not run yet."""
    found = RedisServer(tmp_path / "redis", certificates)
    yield found
    found.kill()


@pytest.fixture
def town(launcher: Launcher, cluster: Cluster, database: str, redis: RedisServer) -> Town:
    """Only database and broker run yet."""
    redis.start()
    return Town(launcher, cluster, database, redis)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
