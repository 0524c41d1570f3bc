"""What each process of the main service reads at its start."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.broker import BrokerSettings
from services.hand_over import Way, read_way
from services.metrics import read_port
from services.outbox import read_lease
from services.postgres import Database
from services.settings import Secret, Source
from services.signing import read_signing_key
from services.tracing import read_collector
from services.transport import Identity, Listener

SCHEMA = "main"


@dataclass(frozen=True, slots=True)
class MainSettings:
    """The web application.

    collector: where spans go, empty for nowhere. metrics_port: 0 for none. statistics_zone: whose days are counted, a
    name of the tz database. broker: None without SP_BROKER_HOST, and then processes hear of each
    other's chats a second later at most.
    """

    environment: str
    database: Database
    listener: Listener
    public_origins: frozenset[str]
    session_key: Secret
    callback_token: Secret
    callback_token_previous: Secret
    callback_signing_key: Secret
    collector: str
    metrics_port: int
    statistics_zone: str
    broker: BrokerSettings | None

    @classmethod
    def read(cls, source: Source) -> "MainSettings":
        return cls(
            environment=source.text("SP_ENVIRONMENT", "unnamed"),
            database=Database.read(source, SCHEMA),
            listener=Listener.plain(source, 8000),
            public_origins=source.origins("SP_PUBLIC_ORIGINS"),
            session_key=source.secret("session_key"),
            callback_token=source.secret("callback_token"),
            callback_token_previous=source.secret("callback_token_previous", optional=True),
            callback_signing_key=read_signing_key(source),
            collector=read_collector(source),
            metrics_port=read_port(source),
            statistics_zone=source.time_zone("SP_STATISTICS_ZONE", "UTC"),
            broker=BrokerSettings.read(source) if source.text("SP_BROKER_HOST", "-") != "-" else None,
        )


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """The relay.

    way: how jobs go to the async service. status_url, set_status_token: where to and with what, unless they go by the
    broker. identity: what the relay proves itself with on gRPC. lease: seconds. collector, metrics_port: as of the web
    application.
    """

    environment: str
    database: Database
    ca: Path
    way: Way
    status_url: str
    set_status_token: Secret
    identity: Identity | None
    broker: BrokerSettings | None
    lease: float
    collector: str
    metrics_port: int

    @classmethod
    def read(cls, source: Source) -> "RelaySettings":
        way = read_way(source)
        calls = way is not Way.BROKER
        return cls(
            environment=source.text("SP_ENVIRONMENT", "unnamed"),
            database=Database.read(source, SCHEMA),
            ca=source.file("SP_CA_FILE"),
            way=way,
            status_url=source.https_url("SP_STATUS_URL") if calls else "",
            set_status_token=source.secret("set_status_token") if calls else Secret(""),
            identity=Identity.read(source) if way is Way.GRPC else None,
            broker=None if calls else BrokerSettings.read(source),
            lease=read_lease(source),
            collector=read_collector(source),
            metrics_port=read_port(source),
        )


@dataclass(frozen=True, slots=True)
class PublisherSettings:
    """The publisher. lease: seconds. metrics_port: 0 for none."""

    environment: str
    database: Database
    broker: BrokerSettings
    lease: float
    metrics_port: int

    @classmethod
    def read(cls, source: Source) -> "PublisherSettings":
        return cls(
            environment=source.text("SP_ENVIRONMENT", "unnamed"),
            database=Database.read(source, SCHEMA),
            broker=BrokerSettings.read(source),
            lease=read_lease(source),
            metrics_port=read_port(source),
        )


@dataclass(frozen=True, slots=True)
class MigrateSettings:
    """Bringing the schema up to date. app_users: name to password; empty where no users are to be seeded."""

    environment: str
    database: Database
    app_users: Mapping[str, Secret]

    @classmethod
    def read(cls, source: Source) -> "MigrateSettings":
        return cls(
            environment=source.text("SP_ENVIRONMENT", "unnamed"),
            database=Database.read(source, SCHEMA),
            app_users=_users(source, source.secret("app_users", optional=True)),
        )


def _users(source: Source, credential: Secret) -> dict[str, Secret]:
    if not credential:
        return {}
    try:
        found = json.loads(credential.reveal())
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(password, str) and password for password in found.values()):
        source.fault("credential app_users: is not a JSON object of name to password")
        return {}
    return {name: Secret(password) for name, password in found.items()}
