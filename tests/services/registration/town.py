"""Everything between `POST /register` and the moderator's table, as real processes."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx

from services.broker import Event, open_broker
from services.registration import TOPIC, TYPE, VERSION, Registered
from tests.services.broker.servers import Server
from tests.services.cluster import APP_USERS, Cluster
from tests.services.processes import SECRETS, Launcher, Service, eventually, reaching

PASSWORD = "correct horse battery"  # noqa: S105 - of users of the tests


def event(payload: dict[str, Any] | None = None, version: int = VERSION, type_: str = TYPE) -> Event:
    registered = Registered(1, "vera", "vera@example.org")
    return Event(
        id=uuid4(),
        type=type_,
        version=version,
        key=registered.key,
        occurred_at=datetime.now(UTC),
        correlation_id="deed-0001",
        payload=registered.payload() if payload is None else payload,
    )


def published(town: "Town", events: Sequence[Event]) -> None:
    """Put events into the topic, past the log."""

    async def publish() -> None:
        broker = open_broker(town.broker.settings)
        for each in events:
            await broker.publish(TOPIC, each)
        await broker.close()

    asyncio.run(publish())


@dataclass
class Town:
    launcher: Launcher
    cluster: Cluster
    database: str
    broker: Server
    url: str = ""
    main: Service | None = None

    def start_main(self, **settings: str) -> None:
        self.main, self.url = self.launcher.main(self.database, **settings)
        self.launcher.start(self.main, self.url)

    def started(self, service: Service, says: str) -> Service:
        service.start()
        service.wait_for(says)
        return service

    def publisher(self, **settings: str) -> Service:
        return self.started(
            self.launcher.publisher(self.database, self.broker.settings, **settings), "publisher started"
        )

    def stats(self, **settings: str) -> Service:
        return self.started(self.launcher.stats(self.database, self.broker.settings, **settings), "statistics started")

    def register(self, name: str = "", email: str | None = "vera@example.org") -> str:
        """A new creator's name."""
        name = name or f"u{uuid4().hex[:12]}"
        body = {"name": name, "password": PASSWORD, "email": email}
        with self.launcher.client(self.url, Origin=self.url) as client:
            answer = client.post("/register", json=body)
        assert answer.status_code == 201, answer.text
        return name

    def record(self, count: int) -> list[UUID]:
        """Registrations as the main service's role writes them, many at once."""
        with self.cluster.connect(self.database, "sp_main", "main") as connection:
            rows = connection.execute(
                "INSERT INTO events (topic, type, version, key, payload, correlation_id)"
                " SELECT 'registrations', 'user.registered', 1, 'user:' || n,"
                " jsonb_build_object('user_id', n, 'name', 'u' || n, 'email', NULL), 'deed-0001'"
                " FROM generate_series(1, %s) AS n RETURNING event_id",
                (count,),
            ).fetchall()
            connection.execute("NOTIFY main_events")
        return [row[0] for row in rows]

    def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        with self.cluster.connect(self.database) as connection:
            return connection.execute(query.encode(), arguments).fetchall()

    def states(self) -> list[str]:
        return [row[0] for row in self.rows("SELECT state FROM main.events ORDER BY id")]

    def counted(self) -> int:
        return int(self.rows("SELECT coalesce(sum(count), 0) FROM stats.registrations")[0][0])

    def counts(self, wanted: int) -> None:
        eventually(lambda: self.counted() == wanted, what=f"{wanted} counted")

    def statistics(self, **wanted: str) -> dict[str, Any]:
        answer = self.moderator().get("/statistics/registrations", params=wanted)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def moderator(self) -> httpx.Client:
        client = self.launcher.client(self.url, Origin=self.url)
        body = {"name": "moderator", "password": APP_USERS["moderator"]}
        assert client.post("/login", json=body).status_code == 200
        return client

    def run(self, module: str, role: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command as an operator would, and see that it tells no secret."""
        service = self.launcher.service(module, self.database, role, **reaching(self.broker.settings))
        command: Sequence[str] = [sys.executable, "-W", "error", "-m", module, *words]
        done = subprocess.run(command, env=service.environment, cwd="/", capture_output=True, text=True, check=False)
        told = done.stdout + done.stderr
        assert not any(secret in told for secret in (*SECRETS.values(), self.cluster.password))
        assert "Traceback" not in told
        return done

    def told(self, module: str, role: str, *words: str) -> dict[str, Any]:
        done = self.run(module, role, *words)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found
