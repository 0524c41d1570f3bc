"""The relay and the async service, joined by one of the ways from one to the other."""

import asyncio
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from services.broker import Event, open_broker
from services.hand_over import Way
from services.hand_over.event import GROUP, TOPIC
from tests.services import rpc_client
from tests.services.broker.servers import PASSWORD, Server
from tests.services.certificates import Certificates
from tests.services.cluster import Cluster
from tests.services.processes import Launcher, Service, eventually, reaching


@dataclass
class Pair:
    """The relay and the async service, joined by one of the ways."""

    way: Way
    launcher: Launcher
    cluster: Cluster
    database: str
    certificates: Certificates
    broker: Server | None

    def settings(self) -> dict[str, str]:
        settings = {"SP_TRANSPORT": self.way.value}
        if self.broker:
            settings |= reaching(self.broker.settings)
        return settings

    def start_status(self, callback_url: str, **settings: str) -> tuple[Service, str]:
        service, url = self.launcher.status(self.database, callback_url, **self.settings(), **settings)
        if self.way is Way.BROKER:
            # As its role gives it: nobody calls.
            give(service, "broker_password", PASSWORD)
            (service.folder / "credentials/set_status_token").unlink()
        if self.way is Way.GRPC:
            rpc_client.start(service, url, self.certificates)
        else:
            self.launcher.start(service, url)
        return service, url

    def relay(self, url: str, *, token: str = "") -> Service:
        """A relay, not yet started."""
        relay = self.launcher.relay(self.database, url, **self.settings())
        give(relay, "broker_password", token or PASSWORD)
        if token:
            give(relay, "set_status_token", token)
        return relay

    def start_relay(self, url: str, *, token: str = "") -> Service:
        relay = self.relay(url, token=token)
        relay.start()
        return relay

    def put_out(self, *payloads: dict[str, Any]) -> None:
        with self.cluster.connect(self.database, "sp_main", "main") as connection:
            for payload in payloads:
                connection.execute(
                    "INSERT INTO outbox (topic, payload, correlation_id) VALUES ('set-status', %s, 'deed-0001')",
                    [Jsonb(payload)],
                )
            connection.execute("NOTIFY main_outbox")

    def verdicts(self) -> list[tuple[str, str | None]]:
        """(state, reason) of each message, in the order in which they were put out."""
        with self.cluster.connect(self.database) as connection:
            return connection.execute("SELECT state, last_error FROM main.outbox ORDER BY id").fetchall()

    def settled(self) -> list[tuple[str, str | None]]:
        def probe() -> list[tuple[str, str | None]] | None:
            found = self.verdicts()
            return found if all(state != "waiting" for state, _ in found) else None

        return eventually(probe, what="a verdict on each message")

    def jobs(self) -> list[tuple[Any, ...]]:
        with self.cluster.connect(self.database) as connection:
            query = "SELECT id::text, stock_id, request_id, correlation_id FROM status.jobs ORDER BY id"
            return connection.execute(query).fetchall()

    def publish(self, event: Event) -> None:
        """Put an event into the topic, past the relay."""

        async def put() -> None:
            assert self.broker
            broker = open_broker(self.broker.settings)
            await broker.publish(TOPIC, event)
            await broker.close()

        asyncio.run(put())

    def letters(self) -> list[str]:
        """The reasons of the dead letters at the broker."""
        assert self.broker

        async def look() -> list[str]:
            assert self.broker
            broker = open_broker(self.broker.settings)
            async with broker.letters(TOPIC, GROUP) as letters:
                found = [letter.reason for letter in letters.all]
            await broker.close()
            return found

        return asyncio.run(look())


def give(service: Service, name: str, secret: str) -> None:
    (service.folder / "credentials" / name).write_text(secret + "\n", "utf-8")
