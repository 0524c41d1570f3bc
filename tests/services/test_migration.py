"""Migrations: order, one at a time, all or nothing, and a schema file that shows what they lead to."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import psycopg
import pytest

from services.migration import Migration, MigrationError, migrate, pending, read
from services.migration.files import ordered
from tests.services.cluster import APP_USERS, Cluster
from tests.services.conftest import owner_of
from tests.services.processes import Launcher

ROOT = Path(__file__).parents[2] / "services"
ONE = Migration(1, "0001_one", "CREATE TABLE one (id integer)")
TWO = Migration(2, "0002_two", "CREATE TABLE two (id integer)")


def names(migrations: list[Migration]) -> list[str]:
    return [migration.name for migration in migrations]


def test_files_are_ordered_by_number() -> None:
    assert names(ordered([("0002_two.sql", ""), ("0001_one.sql", "")])) == ["0001_one", "0002_two"]


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        (["0001_one.sql", "0003_three.sql"], "0003_three: number 0002 comes next"),
        (["0001_one.sql", "0001_other.sql"], "0001_other: number 0002 comes next"),
        (["one.sql"], "one.sql: a migration is named like 0001_tables.sql"),
    ],
)
def test_wrong_file_names_are_refused(files: list[str], fault: str) -> None:
    with pytest.raises(MigrationError, match=fault):
        ordered((name, "") for name in files)


def test_what_is_pending() -> None:
    assert pending([ONE, TWO], {}) == [ONE, TWO]
    assert pending([ONE, TWO], {1: ONE.checksum}) == [TWO]
    assert pending([ONE], {1: ONE.checksum, 2: TWO.checksum}) == []
    with pytest.raises(MigrationError, match="0001_one: was changed after it was applied"):
        pending([ONE, TWO], {1: "another"})
    with pytest.raises(MigrationError, match="0001_one: never applied, though 0002 was"):
        pending([ONE, TWO], {2: TWO.checksum})


def test_a_failing_file_leaves_nothing_behind_and_those_before_it_stay(cluster: Cluster) -> None:
    database = owner_of(cluster, cluster.create(), "main")
    bad = Migration(2, "0002_bad", "CREATE TABLE half (id integer); SELECT no_such_function()")
    with pytest.raises(psycopg.errors.UndefinedFunction):
        migrate(database, [ONE, bad])
    assert migrate(database, [ONE, TWO]) == ["0002_two"]
    with cluster.connect(database.name, schema="main") as connection:
        assert connection.execute("SELECT to_regclass('half')").fetchone() == (None,)
        rows = connection.execute("SELECT number, name FROM migrations ORDER BY number").fetchall()
    assert rows == [(1, "0001_one"), (2, "0002_two")]


def test_a_killed_migration_leaves_no_lock(cluster: Cluster) -> None:
    database = owner_of(cluster, cluster.create(), "main")
    code = (
        "import sys; from pathlib import Path; from services.migration import *;"
        "from services.postgres import Database; from services.settings import Secret;"
        "host, port, name, password, ca = sys.argv[1:];"
        "database = Database(host, int(port), name, 'sp_owner', Secret(password), Path(ca), 'main');"
        "migrate(database, [Migration(1, '0001_one', 'CREATE TABLE one (id integer); SELECT pg_sleep(60)')])"
    )
    arguments = [str(value) for value in ("localhost", cluster.port, database.name, cluster.password, cluster.ca)]
    asleep = "FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = %s"
    with (
        subprocess.Popen([sys.executable, "-c", code, *arguments]) as process,
        cluster.connect("postgres") as connection,
    ):
        while not connection.execute(f"SELECT {asleep}".encode(), [database.name]).rowcount:
            assert process.poll() is None
            sleep(0.02)
        process.kill()
        # Else the server notices the loss of its client only when it next writes to it.
        connection.execute(f"SELECT pg_terminate_backend(pid) {asleep}".encode(), [database.name])
    assert migrate(database, [ONE]) == ["0001_one"]


def test_of_many_at_once_one_applies(cluster: Cluster) -> None:
    database = owner_of(cluster, cluster.create(), "main")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: migrate(database, [ONE, TWO]), range(4)))
    assert sorted(found) == [[], [], [], ["0001_one", "0002_two"]]


@pytest.mark.parametrize("service", ["main", "status", "gateway", "stats"])
def test_the_schema_file_equals_the_migrations(
    service: str, cluster: Cluster, template: str, pytestconfig: pytest.Config
) -> None:
    found = cluster.dump(template, service)
    path = ROOT / service / "sql" / "schema.sql"
    if pytestconfig.getoption("--write-schema"):
        path.write_text(found, "utf-8")
    assert path.read_text("utf-8") == found, "run pytest tests/services with --write-schema, and look at the difference"


@pytest.mark.thorough
def test_the_command_migrates_and_seeds_once(launcher: Launcher, cluster: Cluster) -> None:
    database = cluster.create()

    def run(module: str) -> str:
        service = launcher.service(module, database, "sp_owner")
        service.start()
        assert service.process is not None
        assert service.process.wait(20) == 0, service.errors.read_text()
        service.process = None
        return service.log.read_text()

    applied = ", ".join(f'"{migration.name}"' for migration in read("services.main"))
    users = ", ".join(f'"{name}"' for name in APP_USERS)
    assert run("services.main.migrate") == f'{{"changed": true, "applied": [{applied}], "users": [{users}]}}\n'
    assert run("services.main.migrate") == '{"changed": false, "applied": [], "users": []}\n'
    assert run("services.status.migrate") == '{"changed": true, "applied": ["0001_jobs", "0002_times"]}\n'
    assert run("services.status.migrate") == '{"changed": false, "applied": []}\n'
    assert run("services.stats.migrate") == '{"changed": true, "applied": ["0001_registrations"]}\n'
    assert run("services.stats.migrate") == '{"changed": false, "applied": []}\n'


def test_a_refused_password_ends_in_one_line_without_the_password(launcher: Launcher, cluster: Cluster) -> None:
    service = launcher.service("services.status.migrate", "postgres", "sp_nobody")
    service.start()
    assert service.process is not None
    assert service.process.wait(20) == 1
    told = service.errors.read_text()
    assert told.startswith("migrate: connection failed")
    assert "Traceback" not in told
    assert cluster.password not in told
    service.process = None


def test_rights_are_no_wider_than_needed(cluster: Cluster, database: str) -> None:
    refused = {
        "main": [
            "UPDATE stocks SET version = 1",
            "DELETE FROM stocks",
            "INSERT INTO stocks (version) VALUES (9)",
            "UPDATE users SET role = 'moderator'",
            "INSERT INTO users (name, password_hash, role) VALUES ('x', 'x', 'moderator')",
            "INSERT INTO request_items (request_id, stock_id, quantity, result) VALUES (1, 1, 1, 'growing')",
            "UPDATE request_items SET stock_id = 1",
            "INSERT INTO requests (creator_id, state) VALUES (1, 'formed')",
            "UPDATE requests SET created_at = now()",
            "DELETE FROM requests",
            "UPDATE sessions SET expires_at = now()",
            "UPDATE kept_answers SET body = ''",
            "DELETE FROM outbox",
            "DELETE FROM chat_entries",
            "UPDATE chat_entries SET author_id = 1",
            "UPDATE chat_marks SET user_id = 1",
            "UPDATE outbox SET payload = '{}'",
            "DELETE FROM events",
            "UPDATE events SET payload = '{}'",
            "INSERT INTO events (topic, type, version, key, payload, correlation_id, occurred_at)"
            " VALUES ('t', 't', 1, 'k', '{}', '', 'yesterday')",
            "SELECT * FROM stats.inbox",
            "UPDATE requests SET creator_id = 1",
            "CREATE TABLE own (id integer)",
            "SELECT * FROM migrations",
            "SELECT * FROM status.jobs",
        ],
        "stats": [
            "UPDATE registrations SET slot = now()",
            "UPDATE inbox SET event_id = gen_random_uuid()",
            "CREATE TABLE own (id integer)",
            # What it counts from holds neither names nor addresses, and nothing else of main is open to it.
            "SELECT payload FROM main.events",
            "SELECT * FROM main.users",
        ],
        "status": [
            "DELETE FROM jobs",
            "UPDATE jobs SET stock_id = 1",
            "CREATE TABLE own (id integer)",
            "SELECT * FROM main.users",
        ],
        "gateway": [
            "DELETE FROM messages",
            "UPDATE messages SET body = ''",
            "UPDATE messages SET recipient = 'another'",
            "UPDATE messages SET idempotency_key = 'another'",
            "DELETE FROM attempts",
            "UPDATE attempts SET began_at = now()",
            "UPDATE messages SET accepted_at = now()",
            "INSERT INTO spent_keys VALUES ('key', gen_random_uuid(), '', now())",
            "DELETE FROM spent_keys",
            "INSERT INTO channels (channel, per_second, burst, tokens) VALUES ('vk', 1, 1, 1)",
            "CREATE TABLE own (id integer)",
            "SELECT * FROM main.users",
            "SELECT * FROM status.jobs",
        ],
    }
    for service, statements in refused.items():
        with cluster.connect(database, f"sp_{service}", service) as connection:
            for statement in statements:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())
