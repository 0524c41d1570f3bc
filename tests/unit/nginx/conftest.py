from collections.abc import Iterator

import pytest

from network.compile.nginx import Limits
from tests.unit.nginx.web_host import Site, running


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run an nginx that limits nothing that these tests ask."""
    generous = Limits(refused_rate=1000, refused_burst=1000, rate=1000, burst=1000)
    with running(tmp_path_factory.mktemp("nginx"), generous) as started:
        yield started


@pytest.fixture(scope="session")
def strict_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run an nginx with small limits."""
    small = Limits(
        rate=1, burst=4, streams=2, body="1k", guarded_rate=200, guarded_burst=50, refused_rate=1, refused_burst=2
    )
    with running(tmp_path_factory.mktemp("strict"), small) as started:
        yield started
