"""A PostgreSQL of our own: real, short-lived, on a loopback port, with TLS as on the hosts."""

import json
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.services.certificates import Certificates
from tests.services.ports import free_port

ROLES = ("sp_owner", "sp_main", "sp_status", "sp_gateway", "sp_stats")
APP_USERS = {"creator": "creator's password", "second": "second's password", "moderator": "moderator's password"}

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "ssl": "on",
    # Nothing outlives the tests: no need for the disk to keep up. A killed service is not a crashed server.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
}


def programs() -> Path:
    """The folder of PostgreSQL 15's own programs, which Debian keeps off the PATH."""
    found = Path("/usr/lib/postgresql/15/bin")
    if not (found / "initdb").exists():
        raise FileNotFoundError(f"{found}/initdb is missing: apt-get install postgresql-15")
    return found


@dataclass(frozen=True)
class Cluster:
    port: int
    password: str
    ca: Path
    numbers: Iterator[int]

    def arguments(self, user: str, database: str) -> dict[str, Any]:
        return {
            "host": "localhost",
            "port": self.port,
            "dbname": database,
            "user": user,
            "password": self.password,
            "sslmode": "verify-full",
            "sslrootcert": str(self.ca),
        }

    def connect(self, database: str, user: str = "postgres", schema: str = "") -> psycopg.Connection[tuple[Any, ...]]:
        arguments = self.arguments(user, database)
        if schema:
            arguments["options"] = f"-c search_path={schema}"
        return psycopg.connect(**arguments, autocommit=True)

    def create(self, name: str = "", template: str = "template1") -> str:
        """A new database that belongs to sp_owner."""
        name = name or f"test_{next(self.numbers)}"
        with self.connect("postgres") as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER sp_owner").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        return name

    def dump(self, database: str, schema: str) -> str:
        """The schema as pg_dump writes it, without what changes from run to run."""
        arguments = [str(programs() / "pg_dump"), "--schema-only", f"--schema={schema}", "--host=localhost"]
        environment = {"PGPASSWORD": self.password, "PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(self.ca)}
        text = subprocess.run(
            [*arguments, f"--port={self.port}", "--username=postgres", database],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        kept: list[str] = []
        for line in text.splitlines():
            if line.startswith(("--", "SET ", "SELECT pg_catalog.set_config", "\\")) or (
                not line and kept[-1:] == [""]
            ):
                continue
            kept.append(line)
        return "\n".join(kept).strip() + "\n"


@contextmanager
def running(certificates: Certificates, **settings: str) -> Iterator[Cluster]:
    """Start a cluster as an unprivileged user (the server refuses to run as root), and remove it afterwards.

    settings: of the server, in place of those of the tests.
    """
    user = _unprivileged()
    home = Path(tempfile.mkdtemp(prefix="sallyport-postgres-"))
    try:
        data = home / "data"
        password = "a password for all roles"  # noqa: S105 - of a cluster that lives for a minute
        (home / "password").write_text(password, "utf-8")
        shutil.copy(certificates.certificate, home / "server.crt")
        shutil.copy(certificates.key, home / "server.key")
        (home / "server.key").chmod(0o600)
        if user:
            for path in (home, *home.iterdir()):
                shutil.chown(path, user)
        _run(
            user,
            "initdb",
            f"--pgdata={data}",
            "--username=postgres",
            "--auth=scram-sha-256",
            f"--pwfile={home / 'password'}",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        port = free_port()
        settings = _SETTINGS | settings | {"ssl_cert_file": f"{home}/server.crt", "ssl_key_file": f"{home}/server.key"}
        options = " ".join(f"-c {key}='{value}'" for key, value in settings.items())
        log = f"--log={home / 'log'}"
        _run(user, "pg_ctl", "start", "--wait", f"--pgdata={data}", log, f"--options=-p {port} {options}")
        try:
            cluster = Cluster(port, password, certificates.ca, count(1))
            with cluster.connect("postgres") as connection:
                for role in ROLES:
                    connection.execute(
                        sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
                    )
            with cluster.connect("template1") as connection:
                # As on the hosts (the role postgresql): what is not granted may not be called.
                connection.execute("ALTER DEFAULT PRIVILEGES FOR ROLE sp_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
            yield cluster
        finally:
            _run(user, "pg_ctl", "stop", f"--pgdata={data}", "--mode=immediate")
    finally:
        shutil.rmtree(home)


def app_users() -> str:
    return json.dumps(APP_USERS)


def _unprivileged() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _run(user: str | None, program: str, *arguments: str) -> None:
    # Not captured through pipes: the server that pg_ctl starts would keep them open.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            [str(programs() / program), *arguments], user=user, cwd="/", stdout=output, stderr=output, check=False
        )
        output.seek(0)
        assert done.returncode == 0, output.read().decode()
