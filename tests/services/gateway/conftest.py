"""One broker and one set of stand-ins for the whole run, and a gateway for each module."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from services.broker import Kind
from tests.services.broker.servers import Server, serving
from tests.services.certificates import Certificates
from tests.services.cluster import Cluster
from tests.services.gateway.gateway import Gateway, make
from tests.services.gateway.outside import Outside
from tests.services.ports import free_port
from tests.services.processes import SECRETS, Launcher


@pytest.fixture(scope="session")
def broker(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Redis: of the three it starts soonest."""
    with serving(Kind.REDIS, tmp_path_factory.mktemp("broker"), certificates) as found:
        yield found


@pytest.fixture
def own_broker(certificates: Certificates, tmp_path: Path) -> Iterator[Server]:
    """A broker of the test's own: of one group, one sender consumes at a time, whichever database it is on."""
    with serving(Kind.REDIS, tmp_path / "broker", certificates) as found:
        yield found


@pytest.fixture(scope="module")
def outside(module_launcher: Launcher) -> Iterator[Outside]:
    https, submission, control = free_port(), free_port(), free_port()
    service = module_launcher.service(
        "services.outside",
        SP_BIND_PORT=str(https),
        SP_SUBMISSION_PORT=str(submission),
        SP_CONTROL_PORT=str(control),
    )
    service.start()
    client = httpx.Client(base_url=f"http://127.0.0.1:{control}", trust_env=False)
    with client:

        def live() -> bool:
            try:
                return client.get("/received").status_code == 200
            except httpx.TransportError:
                return False

        service.alive_until(live, "live")
        yield Outside(service, https, submission, client)
    assert service.stop() == 0
    told = service.log.read_text() + service.errors.read_text()
    assert SECRETS["provider_password"] not in told


@pytest.fixture
def maker(launcher: Launcher, cluster: Cluster, database: str, outside: Outside) -> Callable[..., Gateway]:
    """Makes a gateway of the test's own, not yet started, from the settings of a broker and others."""
    return partial(make, launcher, cluster, database, outside)


@pytest.fixture(scope="module")
def gateway(
    module_launcher: Launcher, cluster: Cluster, module_database: str, outside: Outside, broker: Server
) -> Iterator[Gateway]:
    """Both processes, running. What they say at their end holds no secret."""
    found = make(module_launcher, cluster, module_database, outside, broker.settings)
    module_launcher.start(found.queue, found.url)
    found.sender.start()
    yield found
    for service in (found.sender, found.queue):
        if service.process is not None:
            assert service.stop() == 0
        told = service.log.read_text() + service.errors.read_text()
        assert not any(secret in told for secret in (*SECRETS.values(), cluster.password))
        assert "Traceback" not in service.errors.read_text()
