"""One PostgreSQL for the whole run, a migrated template in it, and databases cloned from that."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from services import cancellation
from services.main.adapters.passwords import Argon2Passwords
from services.main.migrate import seed_users
from services.migration import migrate, read
from services.postgres import Database
from services.settings import Secret
from tests.services import certificates as certificate_authority
from tests.services import cluster as postgres
from tests.services import nginx
from tests.services.api import Api
from tests.services.certificates import Certificates
from tests.services.cluster import APP_USERS, Cluster
from tests.services.ports import free_port
from tests.services.processes import Launcher

cancellation.mend_wait_for()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-schema", action="store_true", help="write the sql/schema.sql files instead of comparing")
    parser.addoption("--write-pictures", action="store_true", help="take the README's pictures of the pages anew")
    parser.addoption("--write-proto", action="store_true", help="write the code of the .proto files anew")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificate_authority.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def cluster(certificates: Certificates) -> Iterator[Cluster]:
    with postgres.running(certificates) as found:
        yield found


def owner_of(cluster: Cluster, name: str, schema: str) -> Database:
    return Database("localhost", cluster.port, name, "sp_owner", Secret(cluster.password), cluster.ca, schema)


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """A database with all schemas and the seeded users."""
    name = cluster.create("template_of_tests")
    for schema in ("main", "status", "gateway", "stats"):
        migrate(owner_of(cluster, name, schema), read(f"services.{schema}"))
    users = {user: Secret(password) for user, password in APP_USERS.items()}
    # A cheap hash: how dear it is to check is written in the hash itself.
    cheap = Argon2Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    seed_users(owner_of(cluster, name, "main"), users, cheap)
    return name


@pytest.fixture
def database(cluster: Cluster, template: str) -> str:
    return cluster.create(template=template)


@pytest.fixture(scope="module")
def module_database(cluster: Cluster, template: str) -> str:
    return cluster.create(template=template)


@pytest.fixture
def launcher(cluster: Cluster, certificates: Certificates, tmp_path: Path) -> Iterator[Launcher]:
    found = Launcher(cluster, certificates, tmp_path)
    yield found
    found.stop_all()


@pytest.fixture(scope="module")
def module_launcher(
    cluster: Cluster, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Launcher]:
    found = Launcher(cluster, certificates, tmp_path_factory.mktemp("module"))
    yield found
    found.stop_all()


@pytest.fixture(scope="module")
def api(module_launcher: Launcher, cluster: Cluster, module_database: str) -> Api:
    main, url = module_launcher.main(module_database)
    module_launcher.start(main, url)
    return Api(module_launcher, main, url, cluster, module_database)


@pytest.fixture(scope="module")
def behind_nginx(
    module_launcher: Launcher, cluster: Cluster, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """Main behind nginx."""
    database = cluster.create(template=template)
    port, secure = free_port(), free_port()
    url = f"https://localhost:{secure}"
    main = module_launcher.service(
        "services.main",
        database,
        "sp_main",
        SP_BIND_PORT=str(port),
        SP_PUBLIC_ORIGINS=url,
        SP_TLS_CERT="-",
    )
    module_launcher.start(main, f"http://127.0.0.1:{port}")
    with nginx.before(tmp_path_factory.mktemp("nginx"), module_launcher.certificates, secure, port):
        yield Api(module_launcher, main, url, cluster, database)
